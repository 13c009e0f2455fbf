/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * HT-SHA-256 and HT-SHA-512 with the channel bindings tls-exporter (EXPR), tls-server-end-point
 * (ENDP) or none (draft-schmaus-kitten-sasl-ht): one message each way, keyed by a token. There is
 * no UNIQ: tls-unique is safe only where the exporter is there too (RFC 9266 §4.2), and TLS 1.3 has
 * none.
 */
#include <string.h>

#include "common/base/error.h"
#include "common/sasl/exchange.h"

/* initiator-msg = authcid NUL initiator-hashed-token */
static int begin(struct sasl_exchange *exchange)
{
    const struct buffer *message = &exchange->message;
    size_t size = crypto_hash_size(sasl_token_hash((int)exchange->mechanism));
    const char *name = message->data;
    size_t length = name ? strlen(name) : 0; /* the buffer has a NUL behind it */

    if (length == 0 || message->length != length + 1 + size)
        return exchange_refuse(exchange, SASL_MALFORMED_REQUEST, false);
    exchange->token.proof = (struct span){name + length + 1, size};
    return exchange_set_user(exchange, name);
}

static bool find_data(const struct sasl_exchange *exchange, const void **data, size_t *length)
{
    const char *name = sasl_mechanism_binding(exchange->mechanism);
    const struct sasl_binding *binding;

    *data = "";
    *length = 0;
    if (!name)
        return true;
    binding = exchange_binding(exchange->settings, (struct span){name, strlen(name)});
    if (!binding)
        return false;
    *data = binding->data;
    *length = binding->length;
    return true;
}

/* Each that there could be is looked at, so that having none takes as long as having two. */
static const struct sasl_token *find_proven(struct sasl_exchange *exchange, const void *data,
                                            size_t data_length, uint8_t *answer)
{
    struct hashed_token *hashed = &exchange->token;
    const struct sasl_token *proven = NULL;
    uint8_t made[CRYPTO_HASH_MAX];

    for (size_t i = 0; i < SASL_TOKENS_MAX; i++) {
        hashed->tokens[i].mechanism = (int)exchange->mechanism;
        if (sasl_token_proves(&hashed->tokens[i], data, data_length,
                              (const uint8_t *)hashed->proof.text, made)) {
            proven = &hashed->tokens[i];
            memcpy(answer, made, sizeof(made));
        }
    }
    crypto_wipe(made, sizeof(made));
    return proven;
}

static int step(struct sasl_exchange *exchange, const char *message, size_t message_length)
{
    uint8_t answer[CRYPTO_HASH_MAX];
    const struct sasl_token *proven;
    const void *data;
    size_t length;

    (void)message;
    (void)message_length;
    if (!find_data(exchange, &data, &length)) {
        exchange_refuse(exchange, SASL_INVALID_MECHANISM, false);
        return SASL_FAIL;
    }
    proven = find_proven(exchange, data, length, answer);
    if (!proven) {
        exchange_refuse(exchange, SASL_NOT_AUTHORIZED, true);
        return SASL_FAIL;
    }
    if (proven->expired) { /* only who has it is told */
        exchange_refuse(exchange, SASL_CREDENTIALS_EXPIRED, false);
        return SASL_FAIL;
    }
    exchange->token.proven = proven->id;
    buffer_append(&exchange->reply, (const char *)answer, exchange->token.proof.length);
    return SASL_OK;
}

#define HASHED_TOKEN(name)                                                                         \
    {                                                                                              \
        .plugin_name = (name), .hash = -1, .begin = begin, .step = step                            \
    }

const struct mechanism mechanism_ht_sha_512_expr = HASHED_TOKEN("HT-SHA-512-EXPR");
const struct mechanism mechanism_ht_sha_512_endp = HASHED_TOKEN("HT-SHA-512-ENDP");
const struct mechanism mechanism_ht_sha_512_none = HASHED_TOKEN("HT-SHA-512-NONE");
const struct mechanism mechanism_ht_sha_256_expr = HASHED_TOKEN("HT-SHA-256-EXPR");
const struct mechanism mechanism_ht_sha_256_endp = HASHED_TOKEN("HT-SHA-256-ENDP");
const struct mechanism mechanism_ht_sha_256_none = HASHED_TOKEN("HT-SHA-256-NONE");
