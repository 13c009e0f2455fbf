/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanza ids of accounts.
 */
#include "c2s/sm/stanza_id.h"

#include <string.h>

#include "c2s/home.h"
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

void stanza_id_encode(struct sm *sm, int64_t owner, int64_t seq, char text[STANZA_ID_SIZE])
{
    sealed_id_encode(cipher_of(sm), owner, seq, text);
}

int stanza_id_decode(struct sm *sm, int64_t owner, const char *text, int64_t *seq)
{
    return sealed_id_decode(cipher_of(sm), owner, text, seq);
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
