/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers of peers on their way through us.
 */
#include "net/passage.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/table.h"
#include "net/peer.h"

/* Beyond it the oldest are forgotten. */
#define PASSAGES_MAX 65536

struct passage {
    UT_hash_handle hh; /* server->passages, by id; the oldest first */
    char *id;
    char *peer;
    struct jid *from, *to;
};

static struct passage *find(const struct server *server, const char *id)
{
    struct passage *passage;
    HASH_FIND_STR(server->passages, id, passage);
    return passage;
}

static void passage_free(struct server *server, struct passage *passage)
{
    HASH_DEL(server->passages, passage);
    server->passages_count--;
    free(passage->id);
    free(passage->peer);
    free(passage->from);
    free(passage->to);
    free(passage);
}

void passage_add(struct server *server, const char *peer, const struct durable *offer)
{
    passage_remove(server, offer->id);
    if (server->passages_count >= PASSAGES_MAX)
        passage_free(server, server->passages);
    struct passage *passage = xcalloc(1, sizeof(*passage));
    passage->id = xstrdup(offer->id);
    passage->peer = xstrdup(peer);
    passage->from = jid_dup(&offer->from);
    passage->to = jid_dup(&offer->to);
    HASH_ADD_KEYPTR(hh, server->passages, passage->id, strlen(passage->id), passage);
    server->passages_count++;
}

void passage_remove(struct server *server, const char *id)
{
    struct passage *passage = find(server, id);
    if (passage)
        passage_free(server, passage);
}

void passage_remove_all(struct server *server)
{
    struct passage *passage, *next;
    HASH_ITER (hh, server->passages, passage, next) {
        passage_free(server, passage);
    }
}

void passage_full(struct server *server, const char *id)
{
    struct passage *passage = find(server, id);
    struct peer *peer = passage ? peer_find(server, passage->peer) : NULL;
    if (peer) {
        const struct durable offer = {.id = id, .from = *passage->from, .to = *passage->to};
        struct durable refused = durable_answer(&offer, DURABLE_REFUSED);
        refused.reason = STANZA_RESOURCE_CONSTRAINT;
        peer->wants_room = true;
        peer_answer(peer, &refused);
    }
    passage_remove(server, id);
}
