/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * SCRAM verifiers: made of passwords, compared with passwords, read and written.
 */
#include "common/sasl/verifier.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/profile.h"

/* Far more than anybody types; a longer one would not fit into a PLAIN message. */
#define PASSWORD_MAX 1023
/* Nobody's record may keep a thread busy for more than a second or so. */
#define ITERATIONS_MAX 1000000

static const char *const scheme_names[] = {
    [CRYPTO_SHA1] = "SCRAM-SHA-1",
    [CRYPTO_SHA256] = "SCRAM-SHA-256",
    [CRYPTO_SHA512] = "SCRAM-SHA-512",
};

/* All three are made of one password, so whoever steals them attacks the one that costs the least.
 * An iteration of SHA-512 costs as much as four of SHA-1. RFC 5802 §5.1 asks for 4096 at least. */
static const unsigned iterations_of[] = {
    [CRYPTO_SHA1] = 10000,
    [CRYPTO_SHA256] = 10000,
    [CRYPTO_SHA512] = 4096,
};

unsigned verifier_iterations(enum crypto_hash hash)
{
    return iterations_of[hash];
}

static void free_secret(char *text)
{
    if (text)
        crypto_wipe(text, strlen(text));
    free(text);
}

/* The salted password and what is derived of it, RFC 5802 §3. */
static void derive_keys(const char *prepared, struct verifier *verifier)
{
    enum crypto_hash hash = verifier->hash;
    size_t size = crypto_hash_size(hash);
    uint8_t salted[CRYPTO_HASH_MAX];
    uint8_t client_key[CRYPTO_HASH_MAX];

    crypto_pbkdf2(hash, prepared, strlen(prepared), verifier->salt, verifier->salt_length,
                  verifier->iterations, salted);
    crypto_hmac(hash, salted, size, "Client Key", strlen("Client Key"), client_key);
    crypto_digest(hash, client_key, size, verifier->stored_key);
    crypto_hmac(hash, salted, size, "Server Key", strlen("Server Key"), verifier->server_key);
    crypto_wipe(salted, sizeof(salted));
    crypto_wipe(client_key, sizeof(client_key));
}

static char *prepare_password(const char *password)
{
    size_t length;

    return profile_apply(stringprep_saslprep, password, strlen(password), PASSWORD_MAX, &length);
}

int verifier_make(enum crypto_hash hash, const char *password, struct verifier *verifier)
{
    char *prepared = prepare_password(password);

    if (!prepared)
        return ERR_INVALID;
    *verifier = (struct verifier){.hash = hash, .iterations = iterations_of[hash]};
    verifier->salt_length = VERIFIER_SALT_SIZE;
    crypto_random(verifier->salt, verifier->salt_length);
    derive_keys(prepared, verifier);
    free_secret(prepared);
    return 0;
}

int verifier_check(const struct verifier *verifier, const char *password)
{
    struct verifier made = *verifier;
    char *prepared = prepare_password(password);
    bool same;

    if (!prepared)
        return ERR_DENIED;
    derive_keys(prepared, &made);
    free_secret(prepared);
    same = crypto_equal(made.stored_key, verifier->stored_key, crypto_hash_size(made.hash));
    crypto_wipe(&made, sizeof(made));
    return same ? 0 : ERR_DENIED;
}

char *verifier_format(const struct verifier *verifier)
{
    struct buffer text = {0};
    size_t size = crypto_hash_size(verifier->hash);

    buffer_printf(&text, "%s$%u:", scheme_names[verifier->hash], verifier->iterations);
    base64_encode(&text, verifier->salt, verifier->salt_length);
    buffer_append_char(&text, '$');
    base64_encode(&text, verifier->stored_key, size);
    buffer_append_char(&text, ':');
    base64_encode(&text, verifier->server_key, size);
    return buffer_take(&text);
}

/* What is before the next `end` (which '\0' stands at the end of the text for); moves behind it. */
static bool next_field(const char **at, char end, const char **field, size_t *length)
{
    const char *found = end == '\0' ? *at + strlen(*at) : strchr(*at, end);

    if (!found)
        return false;
    *field = *at;
    *length = (size_t)(found - *at);
    *at = end == '\0' ? found : found + 1;
    return true;
}

static bool read_scheme(const char **at, enum crypto_hash *hash)
{
    const char *name;
    size_t length;

    if (!next_field(at, '$', &name, &length))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(scheme_names); i++) {
        if (strlen(scheme_names[i]) == length && memcmp(scheme_names[i], name, length) == 0) {
            *hash = (enum crypto_hash)i;
            return true;
        }
    }
    return false;
}

static bool read_iterations(const char **at, unsigned *iterations)
{
    const char *digits;
    size_t length;

    if (!next_field(at, ':', &digits, &length) || length == 0 || digits[0] == '0')
        return false;
    *iterations = 0;
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        *iterations = *iterations * 10 + (unsigned)(digits[i] - '0');
        if (*iterations > ITERATIONS_MAX)
            return false;
    }
    return true;
}

static bool read_base64(const char **at, char end, size_t least, size_t most, uint8_t *bytes,
                        size_t *length)
{
    const char *text;
    size_t text_length;
    struct buffer decoded = {0};
    bool fits;

    if (!next_field(at, end, &text, &text_length))
        return false;
    fits = base64_decode(&decoded, text, text_length) == 0 && decoded.length >= least &&
           decoded.length <= most;
    if (fits) {
        memcpy(bytes, decoded.data, decoded.length);
        *length = decoded.length;
    }
    buffer_wipe(&decoded);
    return fits;
}

int verifier_parse(const char *text, struct verifier *verifier)
{
    struct verifier read = {0};
    size_t size;

    if (!read_scheme(&text, &read.hash) || !read_iterations(&text, &read.iterations) ||
        !read_base64(&text, '$', 1, sizeof(read.salt), read.salt, &read.salt_length))
        return ERR_MALFORMED;
    size = crypto_hash_size(read.hash);
    if (!read_base64(&text, ':', size, size, read.stored_key, &size) ||
        !read_base64(&text, '\0', size, size, read.server_key, &size))
        return ERR_MALFORMED;
    *verifier = read;
    return 0;
}

/* HMAC(secret, "<what> <hash> <user>"). */
static void derive_decoy(const struct verifier *verifier, const void *secret, size_t secret_length,
                         const char *user, const char *what, uint8_t *bytes)
{
    char *input = xasprintf("%s %s %s", what, scheme_names[verifier->hash], user);

    crypto_hmac(CRYPTO_SHA512, secret, secret_length, input, strlen(input), bytes);
    free(input);
}

/* The keys of no password: finding one that fits means to invert the hash. */
void verifier_decoy(enum crypto_hash hash, const void *secret, size_t secret_length,
                    const char *user, struct verifier *verifier)
{
    uint8_t salt[CRYPTO_HASH_MAX];

    *verifier = (struct verifier){.hash = hash, .iterations = iterations_of[hash]};
    derive_decoy(verifier, secret, secret_length, user, "salt", salt);
    verifier->salt_length = VERIFIER_SALT_SIZE;
    memcpy(verifier->salt, salt, VERIFIER_SALT_SIZE);
    derive_decoy(verifier, secret, secret_length, user, "stored", verifier->stored_key);
    derive_decoy(verifier, secret, secret_length, user, "server", verifier->server_key);
}
