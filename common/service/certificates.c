/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The certificates that a daemon shows.
 */
#include "common/service/certificates.h"

#include "common/tls/verify.h"

static void print(void *user, const char *name, const struct tls_description *certificate)
{
    control_print(user, "%s until %s sha256 %s for %s issued by %s", name ? name : "-",
                  certificate->ends, certificate->fingerprint, certificate->names,
                  certificate->issuer);
}

void certificates_print(const struct tls_context *context, struct control_request *request)
{
    if (context)
        tls_describe_own(context, print, request);
}

static void add(void *user, const char *name, const struct tls_description *certificate)
{
    metric_add(user, (double)certificate->ends_s,
               METRIC_LABELS({"name", name ? name : certificate->names}));
}

void certificates_add(const struct tls_context *context, struct metric_samples *samples)
{
    if (context)
        tls_describe_own(context, add, samples);
}
