/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a certificate says, for people to read.
 */
#include <stdlib.h>
#include <time.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/tls_internal.h"

static char *name_text(gnutls_x509_crt_t certificate,
                       int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned))
{
    gnutls_datum_t name = {0};
    if (get(certificate, &name, 0) < 0)
        return xstrdup("");
    char *text = xstrndup((const char *)name.data, name.size);
    gnutls_free(name.data);
    return text;
}

static char *time_text(time_t time)
{
    struct tm parts;
    if (time == (time_t)-1 || !gmtime_r(&time, &parts))
        return xstrdup("unknown");
    return xasprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

static bool add_name(void *user, unsigned type, const char *value)
{
    struct buffer *names = user;
    if (type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_OTHERNAME_SRV &&
        type != GNUTLS_SAN_OTHERNAME_XMPP)
        return false;
    if (names->length > 0)
        buffer_append_text(names, ", ");
    buffer_append_text(names, value);
    return false;
}

static char *names_text(gnutls_x509_crt_t certificate)
{
    struct buffer names = {0};
    tls_certificate_any_name(certificate, add_name, &names);
    return buffer_take(&names);
}

static char *fingerprint_text(gnutls_x509_crt_t certificate)
{
    uint8_t digest[32];
    size_t size = sizeof(digest);
    struct buffer text = {0};

    if (gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, digest, &size) < 0)
        return xstrdup("");
    hex_encode(&text, digest, size);
    return buffer_take(&text);
}

static void describe(gnutls_x509_crt_t leaf, struct tls_description *description)
{
    *description = (struct tls_description){
        .subject = name_text(leaf, gnutls_x509_crt_get_dn3),
        .issuer = name_text(leaf, gnutls_x509_crt_get_issuer_dn3),
        .begins = time_text(gnutls_x509_crt_get_activation_time(leaf)),
        .ends = time_text(gnutls_x509_crt_get_expiration_time(leaf)),
        .names = names_text(leaf),
        .fingerprint = fingerprint_text(leaf),
        .ends_s = gnutls_x509_crt_get_expiration_time(leaf),
    };
}

int tls_describe_peer(const struct tls_session *session, struct tls_description *description)
{
    struct tls_chain chain;
    int error = tls_chain_init(&chain, session);
    if (error)
        return error;
    describe(chain.certificates[0], description);
    tls_chain_fini(&chain);
    return 0;
}

void tls_describe_own(const struct tls_context *context,
                      void (*each)(void *user, const char *name,
                                   const struct tls_description *description),
                      void *user)
{
    for (const struct tls_certificate *own = context->certificates; own; own = own->next) {
        struct tls_description description;

        describe(own->leaf, &description);
        each(user, own->name, &description);
        tls_description_fini(&description);
    }
}

void tls_description_fini(struct tls_description *description)
{
    free(description->subject);
    free(description->issuer);
    free(description->begins);
    free(description->ends);
    free(description->names);
    free(description->fingerprint);
}
