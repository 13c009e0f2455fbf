/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Hashes, HMAC, PBKDF2, a block cipher and randomness, all from GnuTLS. None of these can fail with
 * the arguments given here; if one does the library is unusable, and going on would mean
 * predictable secrets.
 */
#include "common/tls/crypto.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "common/base/memory.h"

static const struct {
    gnutls_digest_algorithm_t digest;
    gnutls_mac_algorithm_t mac;
    size_t size;
} algorithms[] = {
    [CRYPTO_SHA1] = {GNUTLS_DIG_SHA1, GNUTLS_MAC_SHA1, 20},
    [CRYPTO_SHA256] = {GNUTLS_DIG_SHA256, GNUTLS_MAC_SHA256, 32},
    [CRYPTO_SHA512] = {GNUTLS_DIG_SHA512, GNUTLS_MAC_SHA512, 64},
    [CRYPTO_MD5] = {GNUTLS_DIG_MD5, GNUTLS_MAC_MD5, 16},
};

static void require(int result)
{
    if (result < 0)
        abort();
}

size_t crypto_hash_size(enum crypto_hash hash)
{
    return algorithms[hash].size;
}

void crypto_digest(enum crypto_hash hash, const void *bytes, size_t length, uint8_t *digest)
{
    require(gnutls_hash_fast(algorithms[hash].digest, bytes, length, digest));
}

struct crypto_running {
    gnutls_hash_hd_t handle;
};

struct crypto_running *crypto_running_new(enum crypto_hash hash)
{
    struct crypto_running *running = xmalloc(sizeof(*running));

    require(gnutls_hash_init(&running->handle, algorithms[hash].digest));
    return running;
}

void crypto_running_add(struct crypto_running *running, const void *bytes, size_t length)
{
    require(gnutls_hash(running->handle, bytes, length));
}

void crypto_running_end(struct crypto_running *running, uint8_t *digest)
{
    gnutls_hash_deinit(running->handle, digest);
    free(running);
}

void crypto_hmac(enum crypto_hash hash, const void *key, size_t key_length, const void *bytes,
                 size_t length, uint8_t *mac)
{
    require(gnutls_hmac_fast(algorithms[hash].mac, key, key_length, bytes, length, mac));
}

void crypto_pbkdf2(enum crypto_hash hash, const char *password, size_t password_length,
                   const uint8_t *salt, size_t salt_length, unsigned iterations, uint8_t *key)
{
    /* A datum is not const, but gnutls_pbkdf2() only reads both. */
    gnutls_datum_t secret = {(unsigned char *)password, (unsigned)password_length};
    gnutls_datum_t salting = {(unsigned char *)salt, (unsigned)salt_length};

    require(gnutls_pbkdf2(algorithms[hash].mac, &secret, &salting, iterations, key,
                          algorithms[hash].size));
}

void crypto_random(void *bytes, size_t length)
{
    require(gnutls_rnd(GNUTLS_RND_KEY, bytes, length));
}

void crypto_random_hex(char *text, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    /* The random bytes come into the second half; each digit pair is written at or before the byte
     * it is made of. */
    unsigned char *random = (unsigned char *)text + length;

    crypto_random(random, length);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = random[i];
        text[2 * i] = digits[byte >> 4];
        text[2 * i + 1] = digits[byte & 15];
    }
    text[2 * length] = '\0';
}

/* GnuTLS has no ECB; one block of CBC with an empty vector is the same. */
struct crypto_block {
    gnutls_cipher_hd_t cipher;
};

struct crypto_block *crypto_block_new(const uint8_t key[CRYPTO_BLOCK_KEY_SIZE])
{
    struct crypto_block *block = xcalloc(1, sizeof(*block));
    uint8_t vector[CRYPTO_BLOCK_SIZE] = {0};
    gnutls_datum_t secret = {(unsigned char *)key, CRYPTO_BLOCK_KEY_SIZE};
    gnutls_datum_t iv = {vector, sizeof(vector)};

    require(gnutls_cipher_init(&block->cipher, GNUTLS_CIPHER_AES_256_CBC, &secret, &iv));
    return block;
}

void crypto_block_free(struct crypto_block *block)
{
    if (block)
        gnutls_cipher_deinit(block->cipher);
    free(block);
}

static void begin_block(struct crypto_block *block)
{
    uint8_t vector[CRYPTO_BLOCK_SIZE] = {0};

    gnutls_cipher_set_iv(block->cipher, vector, sizeof(vector));
}

void crypto_block_encrypt(struct crypto_block *block, uint8_t bytes[CRYPTO_BLOCK_SIZE])
{
    begin_block(block);
    require(gnutls_cipher_encrypt(block->cipher, bytes, CRYPTO_BLOCK_SIZE));
}

void crypto_block_decrypt(struct crypto_block *block, uint8_t bytes[CRYPTO_BLOCK_SIZE])
{
    begin_block(block);
    require(gnutls_cipher_decrypt(block->cipher, bytes, CRYPTO_BLOCK_SIZE));
}

bool crypto_equal(const void *a, const void *b, size_t length)
{
    return gnutls_memcmp(a, b, length) == 0;
}

void crypto_wipe(void *bytes, size_t length)
{
    gnutls_memset(bytes, 0, length);
}

void crypto_wipe_text(char *secret)
{
    if (secret)
        crypto_wipe(secret, strlen(secret));
    free(secret);
}
