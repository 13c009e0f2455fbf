/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Tokens: made, kept, proven (draft-schmaus-kitten-sasl-ht §3).
 */
#include "common/sasl/token.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/sasl/sasl.h"

/* RFC 8959: who searches for secrets in places where they should not be finds it. */
#define SCHEME "secret-token:"
/* Of randomness. As text with the scheme more than a block of the hash, see token.h. */
#define RANDOM_256 32
#define RANDOM_512 64

#define CLIENT "Initiator"
#define SERVER "Responder"

enum crypto_hash sasl_token_hash(int mechanism)
{
    return mechanism == SASL_HT_SHA_512_EXPR || mechanism == SASL_HT_SHA_512_ENDP ||
                   mechanism == SASL_HT_SHA_512_NONE
               ? CRYPTO_SHA512
               : CRYPTO_SHA256;
}

static bool is_bound(int mechanism)
{
    return sasl_mechanism_binding((enum sasl_mechanism)mechanism) != NULL;
}

/* HMAC(key, who || binding) */
static void authenticate(enum crypto_hash hash, const uint8_t *key, const char *who,
                         const void *binding, size_t binding_length, uint8_t *mac)
{
    struct buffer text = {0};

    buffer_append_text(&text, who);
    buffer_append(&text, binding, binding_length);
    crypto_hmac(hash, key, crypto_hash_size(hash), text.data, text.length, mac);
    buffer_fini(&text);
}

char *sasl_token_keep(int mechanism, const char *token)
{
    enum crypto_hash hash = sasl_token_hash(mechanism);
    size_t size = crypto_hash_size(hash);
    uint8_t key[CRYPTO_HASH_MAX], proof[CRYPTO_HASH_MAX], reply[CRYPTO_HASH_MAX];
    struct buffer text = {0};

    crypto_digest(hash, token, strlen(token), key);
    buffer_printf(&text, "%s$", sasl_mechanism_name((enum sasl_mechanism)mechanism));
    if (is_bound(mechanism)) {
        base64_encode(&text, key, size);
    } else {
        authenticate(hash, key, CLIENT, "", 0, proof);
        authenticate(hash, key, SERVER, "", 0, reply);
        crypto_digest(hash, proof, size, proof);
        base64_encode(&text, proof, size);
        buffer_append_char(&text, ':');
        base64_encode(&text, reply, size);
    }
    crypto_wipe(key, sizeof(key));
    crypto_wipe(proof, sizeof(proof));
    return buffer_take(&text);
}

void sasl_token_make(int mechanism, char **token, char **kept)
{
    size_t size = sasl_token_hash(mechanism) == CRYPTO_SHA512 ? RANDOM_512 : RANDOM_256;
    char random[2 * RANDOM_512 + 1];

    crypto_random_hex(random, size);
    *token = xasprintf(SCHEME "%s", random);
    crypto_wipe(random, sizeof(random));
    *kept = sasl_token_keep(mechanism, *token);
}

static bool read_bytes(const char *text, size_t length, size_t size, uint8_t *bytes)
{
    struct buffer decoded = {0};
    bool fits = base64_decode(&decoded, text, length) == 0 && decoded.length == size;

    if (fits)
        memcpy(bytes, decoded.data, size);
    buffer_wipe(&decoded);
    buffer_fini(&decoded);
    return fits;
}

static int read_mechanism(const char *kept, size_t length)
{
    for (int m = 0; m < SASL_MECHANISMS; m++) {
        const char *name = sasl_mechanism_name((enum sasl_mechanism)m);
        if (sasl_mechanism_is_token((enum sasl_mechanism)m) && strlen(name) == length &&
            memcmp(name, kept, length) == 0)
            return m;
    }
    return -1;
}

int sasl_token_parse(const char *kept, struct sasl_token *token)
{
    struct sasl_token read = {.id = token->id, .expired = token->expired, .there = true};
    const char *values = strchr(kept, '$'), *colon;
    size_t size;

    if (!values || (read.mechanism = read_mechanism(kept, (size_t)(values - kept))) < 0)
        return ERR_MALFORMED;
    values++;
    colon = strchr(values, ':');
    size = crypto_hash_size(sasl_token_hash(read.mechanism));
    if ((colon != NULL) == is_bound(read.mechanism) ||
        !read_bytes(values, colon ? (size_t)(colon - values) : strlen(values), size, read.key) ||
        (colon && !read_bytes(colon + 1, strlen(colon + 1), size, read.reply)))
        return ERR_MALFORMED;
    *token = read;
    crypto_wipe(&read, sizeof(read));
    return 0;
}

bool sasl_token_proves(const struct sasl_token *token, const void *binding, size_t binding_length,
                       const uint8_t *proof, uint8_t *answer)
{
    enum crypto_hash hash = sasl_token_hash(token->mechanism);
    size_t size = crypto_hash_size(hash);
    uint8_t seen[CRYPTO_HASH_MAX], expected[CRYPTO_HASH_MAX];
    bool fits;

    if (is_bound(token->mechanism)) {
        authenticate(hash, token->key, CLIENT, binding, binding_length, expected);
        authenticate(hash, token->key, SERVER, binding, binding_length, answer);
        memcpy(seen, proof, size);
    } else {
        crypto_digest(hash, proof, size, seen);
        memcpy(expected, token->key, size);
        memcpy(answer, token->reply, size);
    }
    fits = crypto_equal(seen, expected, size);
    fits &= token->there;
    crypto_wipe(expected, sizeof(expected));
    return fits;
}
