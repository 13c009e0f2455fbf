/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading the certificate, and verifying it.
 */
#include "files/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"

#define PEM_MAX ((size_t)1 << 20)

static const char *text(const struct config *config, const char *key)
{
    return config_text(config, "files", NULL, key);
}

/* PEM; free() it. NULL: it cannot be read, which has been logged. */
static char *read_file(const char *path)
{
    struct buffer bytes = {0};
    FILE *file = path ? fopen(path, "re") : NULL;
    size_t got;

    if (file == NULL) {
        log_error("files_file_unreadable", LOG_TEXT("file", path ? path : "-"),
                  LOG_TEXT("reason", path ? strerror(errno) : "not configured"));
        return NULL;
    }
    while (bytes.length < PEM_MAX &&
           (got = fread(buffer_reserve(&bytes, BUFSIZ), 1, BUFSIZ, file)) > 0)
        buffer_added(&bytes, got);
    fclose(file);
    return buffer_take(&bytes);
}

static int verify(const char *chain, const char *key, struct tls_context **context,
                  const char **problem)
{
    /* Nobody is verified by it: no authorities. */
    static const struct tls_settings settings = {.role = TLS_SERVER, .known_keys = true};
    int error = tls_context_new(&settings, context, problem);

    return error ? error : tls_context_add_certificate(*context, NULL, chain, key, problem);
}

int certificate_read(const struct config *config, struct certificate *certificate)
{
    const char *chain = text(config, "certificate"), *key = text(config, "key");
    const char *problem = "it cannot be read";
    int error = ERR_INVALID;

    *certificate = (struct certificate){0};
    if (chain && key) {
        certificate->chain = read_file(chain);
        certificate->key = read_file(key);
    }
    if (certificate->chain && certificate->key)
        error = verify(chain, key, &certificate->context, &problem);
    if (error)
        log_error("certificate_refused", LOG_TEXT("domain", text(config, "domain")),
                  LOG_TEXT("file", chain), LOG_TEXT("reason", problem));
    return error;
}

void certificate_fini(struct certificate *certificate)
{
    free(certificate->chain);
    crypto_wipe_text(certificate->key);
    tls_context_unref(certificate->context);
}
