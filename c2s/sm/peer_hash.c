/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Remembered hashes: each JID has one place, which the latest of those that share it has.
 */
#include "c2s/sm/peer_hash.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/tls/crypto.h"

#define PLACES 512

struct peer_hashes {
    struct {
        char *bare;
        uint8_t hash[CRYPTO_HASH_MAX];
    } places[PLACES];
};

const uint8_t *peer_hash(struct sm *sm, const char *bare)
{
    size_t length = strlen(bare), at = hash_keyed(bare, length) % PLACES;
    struct peer_hashes *hashes = sm->peer_hashes;
    uint8_t *hash = hashes->places[at].hash;

    if (!hashes->places[at].bare || strcmp(hashes->places[at].bare, bare) != 0) {
        free(hashes->places[at].bare);
        hashes->places[at].bare = xstrdup(bare);
        crypto_digest(CRYPTO_SHA256, bare, length, hash);
    }
    return hash;
}

static void start(struct sm *sm)
{
    sm->peer_hashes = xcalloc(1, sizeof(*sm->peer_hashes));
}

static void stop(struct sm *sm)
{
    for (size_t i = 0; i < PLACES; i++)
        free(sm->peer_hashes->places[i].bare);
    free(sm->peer_hashes);
}

const struct sm_module peer_hash_module = {.name = "peer_hash", .start = start, .stop = stop};
