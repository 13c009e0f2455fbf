/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One block of AES holds owner and number, so that an id is as long as it must be, and its own
 * proof.
 */
#include "common/tls/sealed_id.h"

#include <string.h>

#include "common/base/error.h"

static void put_number(uint8_t *bytes, int64_t number)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)number >> (8 * (7 - i)));
}

static int64_t get_number(const uint8_t *bytes)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

void sealed_id_encode(struct crypto_block *cipher, int64_t owner, int64_t number,
                      char text[SEALED_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t block[CRYPTO_BLOCK_SIZE];

    put_number(block, owner);
    put_number(block + 8, number);
    crypto_block_encrypt(cipher, block);
    for (size_t i = 0; i < sizeof(block); i++) {
        text[2 * i] = digits[block[i] >> 4];
        text[2 * i + 1] = digits[block[i] & 15];
    }
    text[2 * sizeof(block)] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_block(const char *text, uint8_t block[CRYPTO_BLOCK_SIZE])
{
    if (strlen(text) != 2 * CRYPTO_BLOCK_SIZE)
        return ERR_MALFORMED;
    for (size_t i = 0; i < CRYPTO_BLOCK_SIZE; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return ERR_MALFORMED;
        block[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

int sealed_id_decode(struct crypto_block *cipher, int64_t owner, const char *text, int64_t *number)
{
    uint8_t block[CRYPTO_BLOCK_SIZE];
    int error = read_block(text, block);

    if (error)
        return error;
    crypto_block_decrypt(cipher, block);
    *number = get_number(block + 8);
    return get_number(block) == owner && *number > 0 ? 0 : ERR_MALFORMED;
}
