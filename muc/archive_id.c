/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ids of messages: sealed with a key that comes from the room's own salt, which nobody else knows.
 */
#include "muc/archive.h"

static const char purpose[] = "stanza-id";

static struct crypto_block *cipher_of(struct room *room)
{
    uint8_t key[CRYPTO_HASH_MAX];

    if (room->ids == NULL) {
        crypto_hmac(CRYPTO_SHA256, room->salt, strlen(room->salt), purpose, strlen(purpose), key);
        room->ids = crypto_block_new(key);
        crypto_wipe(key, sizeof(key));
    }
    return room->ids;
}

void archive_id(struct room *room, int64_t seq, char id[SEALED_ID_SIZE])
{
    sealed_id_encode(cipher_of(room), room->id, seq, id);
}

int archive_seq(struct room *room, const char *id, int64_t *seq)
{
    return sealed_id_decode(cipher_of(room), room->id, id, seq);
}

void archive_id_forget(struct room *room)
{
    crypto_block_free(room->ids);
    room->ids = NULL;
}
