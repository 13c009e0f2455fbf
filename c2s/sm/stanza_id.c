/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanza ids: one block of AES holds owner and number, so that an id is as long as it must be, and
 * its own proof.
 */
#include "c2s/sm/stanza_id.h"

#include <string.h>

#include "c2s/home.h"
#include "common/base/error.h"
#include "common/tls/crypto.h"

static const char purpose[] = "stanza-id";

/* The key comes from the home's secret, which is known before any account is loaded. */
static struct crypto_block *cipher_of(struct sm *sm)
{
    uint8_t key[CRYPTO_HASH_MAX];

    if (!sm->stanza_ids) {
        crypto_hmac(CRYPTO_SHA256, worker_secret(sm->worker), HOME_SECRET_SIZE, purpose,
                    strlen(purpose), key);
        sm->stanza_ids = crypto_block_new(key);
        crypto_wipe(key, sizeof(key));
    }
    return sm->stanza_ids;
}

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

void stanza_id_encode(struct sm *sm, int64_t owner, int64_t seq, char text[STANZA_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t block[CRYPTO_BLOCK_SIZE];

    put_number(block, owner);
    put_number(block + 8, seq);
    crypto_block_encrypt(cipher_of(sm), block);
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

int stanza_id_decode(struct sm *sm, int64_t owner, const char *text, int64_t *seq)
{
    uint8_t block[CRYPTO_BLOCK_SIZE];
    int error = read_block(text, block);

    if (error)
        return error;
    crypto_block_decrypt(cipher_of(sm), block);
    *seq = get_number(block + 8);
    return get_number(block) == owner && *seq > 0 ? 0 : ERR_MALFORMED;
}

void stanza_id_add(const struct account *account, struct element *message, int64_t seq)
{
    struct element *id = element_add(message, NS_SID, "stanza-id");
    char text[STANZA_ID_SIZE];

    stanza_id_encode(account->sm, account->owner, seq, text);
    element_set(id, "by", account->jid->bare);
    element_set(id, "id", text);
}

static void stop(struct sm *sm)
{
    crypto_block_free(sm->stanza_ids);
}

static const char *const features[] = {NS_SID, NULL};
static const struct spec specs[] = {{"XEP-0359", "0.7.0", NULL}, {0}};

const struct sm_module stanza_id_module = {
    .name = "stanza_id",
    .specs = specs,
    .server_features = features,
    .account_features = features,
    .stop = stop,
};
