/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers that are in hand or taken.
 */
#include "common/component/takings.h"

#include <stdlib.h>
#include <string.h>

struct takings {
    size_t size;
    void (*forget)(struct taking *taking);
    struct taking *all;
    struct taking *in_hand; /* by stanza */
    struct taking *taken;   /* the oldest first */
    size_t count;           /* of those taken */
};

struct taking *takings_find(const struct takings *takings, const char *id)
{
    struct taking *taking;

    HASH_FIND_STR(takings->all, id, taking);
    return taking;
}

struct taking *takings_first(const struct takings *takings)
{
    return takings->all;
}

struct taking *takings_find_stanza(const struct takings *takings, const struct stanza *stanza)
{
    struct taking *taking;

    HASH_FIND(by_stanza, takings->in_hand, &stanza, sizeof(stanza), taking);
    return taking;
}

bool takings_follows(const struct takings *takings, const struct durable *offer)
{
    return offer->after == NULL || takings_find(takings, offer->after);
}

struct taking *takings_add(struct takings *takings, const struct durable *offer,
                           struct stanza *stanza)
{
    struct taking *taking = xcalloc(1, takings->size);

    taking->id = xstrdup(offer->id);
    taking->stanza = stanza_ref(stanza);
    taking->offer = arena_alloc(stanza->arena, sizeof(*taking->offer));
    durable_copy(stanza->arena, offer, taking->offer);
    HASH_ADD_KEYPTR(hh, takings->all, taking->id, strlen(taking->id), taking);
    HASH_ADD(by_stanza, takings->in_hand, stanza, sizeof(struct stanza *), taking);
    return taking;
}

static void let_go(struct takings *takings, struct taking *taking)
{
    HASH_DELETE(by_stanza, takings->in_hand, taking);
    stanza_unref(taking->stanza);
    taking->stanza = NULL;
    taking->offer = NULL;
}

void takings_took(struct takings *takings, struct taking *taking)
{
    let_go(takings, taking);
    DL_APPEND(takings->taken, taking);
    if (++takings->count > TAKINGS_MAX)
        takings_forget(takings, takings->taken);
}

void takings_forget(struct takings *takings, struct taking *taking)
{
    if (taking->stanza) {
        let_go(takings, taking);
    } else {
        DL_DELETE(takings->taken, taking);
        takings->count--;
    }
    HASH_DEL(takings->all, taking);
    if (takings->forget)
        takings->forget(taking);
    free(taking->id);
    free(taking);
}

struct takings *takings_new(size_t size, void (*forget)(struct taking *taking))
{
    struct takings *takings = xcalloc(1, sizeof(*takings));

    takings->size = size;
    takings->forget = forget;
    return takings;
}

void takings_free(struct takings *takings)
{
    struct taking *taking, *next;

    HASH_ITER (hh, takings->all, taking, next) {
        takings_forget(takings, taking);
    }
    free(takings);
}
