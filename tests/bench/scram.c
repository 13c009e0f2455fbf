/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * GNU SASL on the client's side, with PBKDF2 of our own, which is faster.
 */
#include "tests/bench/scram.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

#define SHA256_SIZE 32

struct scram {
    Gsasl_session *session;
};

/* The last salt and what came of it: servers of a comparison have one for all accounts. */
static struct {
    Gsasl *library;
    char *input;
    struct buffer salted; /* in hexadecimal */
} shared;

static void derive(const char *password, const char *salt_text, const char *rounds)
{
    struct buffer salt = {0};
    uint8_t key[SHA256_SIZE];

    if (base64_decode(&salt, salt_text, strlen(salt_text)) != 0)
        return;
    crypto_pbkdf2(CRYPTO_SHA256, password, strlen(password), (const uint8_t *)salt.data,
                  salt.length, (unsigned)strtoul(rounds, NULL, 10), key);
    buffer_clear(&shared.salted);
    hex_encode(&shared.salted, key, sizeof(key));
    buffer_fini(&salt);
}

static int give_salted_password(Gsasl_session *session)
{
    const char *salt = gsasl_property_fast(session, GSASL_SCRAM_SALT);
    const char *rounds = gsasl_property_fast(session, GSASL_SCRAM_ITER);
    const char *password = gsasl_session_hook_get(session);

    if (salt == NULL || rounds == NULL)
        return GSASL_NO_CALLBACK;
    char *input = xasprintf("%s %s %s", rounds, salt, password);
    if (shared.input == NULL || strcmp(shared.input, input) != 0) {
        free(shared.input);
        shared.input = xstrdup(input);
        derive(password, salt, rounds);
    }
    free(input);
    return gsasl_property_set(session, GSASL_SCRAM_SALTED_PASSWORD, shared.salted.data);
}

static int callback(Gsasl *library UNUSED, Gsasl_session *session, Gsasl_property property)
{
    return property == GSASL_SCRAM_SALTED_PASSWORD ? give_salted_password(session)
                                                   : GSASL_NO_CALLBACK;
}

struct scram *scram_new(const char *user, const char *password)
{
    struct scram *scram = xcalloc(1, sizeof(*scram));

    if (shared.library == NULL) {
        if (gsasl_init(&shared.library) != GSASL_OK)
            abort();
        gsasl_callback_set(shared.library, callback);
    }
    if (gsasl_client_start(shared.library, "SCRAM-SHA-256", &scram->session) != GSASL_OK)
        abort();
    if (gsasl_property_set(scram->session, GSASL_AUTHID, user) != GSASL_OK)
        abort();
    gsasl_session_hook_set(scram->session, (void *)password);
    return scram;
}

void scram_free(struct scram *scram)
{
    if (scram == NULL)
        return;
    gsasl_finish(scram->session);
    free(scram);
}

int scram_step(struct scram *scram, const char *challenge, char **answer)
{
    int status = gsasl_step64(scram->session, challenge, answer);

    return status == GSASL_OK || status == GSASL_NEEDS_MORE ? 0 : ERR_DENIED;
}
