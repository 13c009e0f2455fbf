/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is kept of a password: SCRAM verifiers (RFC 5802 §3), one per hash, as text
 * "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>" with base64 values. Passwords are
 * prepared with SASLprep (RFC 4013).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"
#include "common/tls/crypto.h"

#define VERIFIER_SALT_SIZE 16

struct verifier {
    enum crypto_hash hash;
    unsigned iterations;
    uint8_t salt[64];
    size_t salt_length;
    uint8_t stored_key[CRYPTO_HASH_MAX];
    uint8_t server_key[CRYPTO_HASH_MAX];
};

/* Of new verifiers, and of decoys. */
unsigned verifier_iterations(enum crypto_hash hash);
/* Slow (PBKDF2), safe in any thread. ERR_INVALID: empty, longer than 1023 bytes, or SASLprep
 * forbids it. */
MUST_CHECK int verifier_make(enum crypto_hash hash, const char *password,
                             struct verifier *verifier);
/* Free the text with free(). */
char *verifier_format(const struct verifier *verifier);
/* ERR_MALFORMED; also for more than a million iterations, which would keep a thread busy. */
MUST_CHECK int verifier_parse(const char *text, struct verifier *verifier);
/* Whether the password belongs to it. Slow, safe in any thread. ERR_DENIED. */
MUST_CHECK int verifier_check(const struct verifier *verifier, const char *password);
/* What an unknown user looks like: the salt is derived from a secret and the name, so that it is
 * always the same; no password ever fits. */
void verifier_decoy(enum crypto_hash hash, const void *secret, size_t secret_length,
                    const char *user, struct verifier *verifier);
