/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking for the rooms of other homes.
 */
#include "muc/gather.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/room_page.h"

/* Longer than kontalk-c2s waits for a node. */
#define PATIENCE_MS 8000
#define ID_BYTES    12

struct gathering {
    struct turn *turn;
    char id[2 * ID_BYTES + 1];
    uint64_t due_ms;
    void (*done)(struct turn *turn, const struct element *page);
    struct gathering *next;
};

void gather(struct turn *turn, const struct rsm *wish,
            void (*done)(struct turn *turn, const struct element *page))
{
    struct gathering *gathering = xcalloc(1, sizeof(*gathering));
    struct stanza *iq = stanza_new(STANZA_IQ, IQ_GET);
    struct jid jid;

    gathering->turn = turn;
    gathering->done = done;
    gathering->due_ms = clock_monotonic_ms() + PATIENCE_MS;
    crypto_random_hex(gathering->id, ID_BYTES);
    LL_PREPEND(turn->muc->gatherings, gathering);
    turn->reading = true;
    element_set(iq->root, "id", gathering->id);
    if (jid_make(iq->arena, NULL, turn->muc->domain, NULL, &jid) == 0)
        stanza_set_from(iq, &jid);
    if (jid_make(iq->arena, NULL, turn->muc->host, NULL, &jid) == 0)
        stanza_set_to(iq, &jid);
    room_page_ask(element_add(iq->root, NS_DIRECTORY, "rooms"), wish);
    muc_send(turn->muc, iq);
    stanza_unref(iq);
}

static void end(struct muc *muc, struct gathering *gathering, const struct element *page)
{
    LL_DELETE(muc->gatherings, gathering);
    gathering->done(gathering->turn, page);
    free(gathering);
}

bool gather_answered(struct muc *muc, const struct stanza *stanza)
{
    const char *id = stanza_id(stanza);
    struct gathering *gathering;

    if (id == NULL || stanza->kind != STANZA_IQ || !stanza_is_reply(stanza) || stanza->from.local ||
        !muc->gatherings || strcmp(stanza->from.domain, muc->host) != 0)
        return false;
    LL_FOREACH (muc->gatherings, gathering) {
        if (strcmp(gathering->id, id) == 0) {
            end(muc, gathering, element_find(stanza->root, NS_DIRECTORY, "rooms"));
            return true;
        }
    }
    return false;
}

void gather_tick(struct muc *muc)
{
    uint64_t now = clock_monotonic_ms();
    struct gathering *gathering, *next;

    LL_FOREACH_SAFE (muc->gatherings, gathering, next) {
        if (gathering->due_ms <= now)
            end(muc, gathering, NULL);
    }
}

void gather_stop(struct muc *muc)
{
    struct gathering *gathering, *next;

    LL_FOREACH_SAFE (muc->gatherings, gathering, next) {
        free(gathering);
    }
    muc->gatherings = NULL;
}
