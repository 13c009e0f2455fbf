/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Hashes, HMAC, PBKDF2, a block cipher and randomness, all from GnuTLS.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

/* MD5 is for the keys of STUN alone, which has it in its wire format (RFC 8489 §9.2.2). */
enum crypto_hash { CRYPTO_SHA1, CRYPTO_SHA256, CRYPTO_SHA512, CRYPTO_MD5 };
#define CRYPTO_HASH_MAX 64

size_t crypto_hash_size(enum crypto_hash hash);
void crypto_digest(enum crypto_hash hash, const void *bytes, size_t length, uint8_t *digest);
/* The same of bytes that come in pieces. */
struct crypto_running;
struct crypto_running *crypto_running_new(enum crypto_hash hash);
void crypto_running_add(struct crypto_running *running, const void *bytes, size_t length);
/* Frees it; digest NULL: nobody wants to know. */
void crypto_running_end(struct crypto_running *running, uint8_t *digest);
void crypto_hmac(enum crypto_hash hash, const void *key, size_t key_length, const void *bytes,
                 size_t length, uint8_t *mac);
/* Takes about a millisecond per 10,000 rounds: never on the loop. Safe in any thread. */
void crypto_pbkdf2(enum crypto_hash hash, const char *password, size_t password_length,
                   const uint8_t *salt, size_t salt_length, unsigned iterations, uint8_t *key);
/* Cryptographically strong. */
void crypto_random(void *bytes, size_t length);
/* `length` random bytes as lower-case hex text, NUL-terminated: text holds 2 * length + 1. */
void crypto_random_hex(char *text, size_t length);
/* One block of AES-256 under one key: a permutation of the 128-bit values that tells nothing of
 * what it permutes. Not a way to encrypt messages. */
#define CRYPTO_BLOCK_SIZE     16
#define CRYPTO_BLOCK_KEY_SIZE 32
struct crypto_block;
struct crypto_block *crypto_block_new(const uint8_t key[CRYPTO_BLOCK_KEY_SIZE]);
/* NULL is allowed. */
void crypto_block_free(struct crypto_block *block);
void crypto_block_encrypt(struct crypto_block *block, uint8_t bytes[CRYPTO_BLOCK_SIZE]);
void crypto_block_decrypt(struct crypto_block *block, uint8_t bytes[CRYPTO_BLOCK_SIZE]);
/* In constant time. */
bool crypto_equal(const void *a, const void *b, size_t length);
void crypto_wipe(void *bytes, size_t length);
/* Text that is a secret: wiped, and given back with free(). NULL is allowed. */
void crypto_wipe_text(char *secret);
