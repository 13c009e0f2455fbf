/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Signatures with Ed25519 (RFC 8032): keys in files (PKCS #8 in PEM), signing, verifying.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

#define SIGNING_KEY_SIZE 32 /* of the public half */
#define SIGNATURE_SIZE   64

struct signing_key; /* the private one */

struct signing_key *signing_key_generate(void);
/* ERR_NOT_FOUND, ERR_SYSTEM, ERR_DENIED (the file can be read by others), ERR_INVALID (no such
 * key); *problem (static text) says it for people. */
MUST_CHECK int signing_key_load(const char *file, struct signing_key **key, const char **problem);
/* Into a new file for its owner alone. ERR_EXISTS, ERR_SYSTEM (see errno). */
MUST_CHECK int signing_key_save(const struct signing_key *key, const char *file);
/* NULL is allowed. */
void signing_key_free(struct signing_key *key);

void signing_key_public(const struct signing_key *key, uint8_t public[SIGNING_KEY_SIZE]);
void signing_key_sign(const struct signing_key *key, const void *bytes, size_t length,
                      uint8_t signature[SIGNATURE_SIZE]);
/* The signature is of these bytes, made with the private half of `public`. */
bool signature_is_good(const uint8_t public[SIGNING_KEY_SIZE], const void *bytes, size_t length,
                       const uint8_t signature[SIGNATURE_SIZE]);
