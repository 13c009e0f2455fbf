/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Batches of offers, on their way in.
 */
#include "c2s/sm/batches.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/forged.h"
#include "c2s/sm/gateway.h"
#include "c2s/sm/homes.h"
#include "c2s/sm/taker.h"

/* A batch that is being sorted. */
struct sorting {
    struct sm *sm;
    const struct batch *batch;
    struct stanza *stanza;
    char **hosts; /* of each item that is for elsewhere; NULL: it is done */
};

/* Where the home has to be looked up first, it goes by itself. */
static void take_alone(const struct sorting *sorting, const struct durable *offer, bool here)
{
    struct stanza *copy = stanza_copy_to(sorting->stanza, &offer->to);

    if (here)
        taker_offered(sorting->sm, offer, copy);
    else
        gateway_offered(sorting->sm, offer, copy);
    stanza_unref(copy);
}

static void take(const struct sorting *sorting, size_t item)
{
    const struct durable offer = batch_word(sorting->batch, item);
    struct directory_place place;
    bool known = places_look(sorting->sm, &offer.to, &place);

    if (known && place.answer == DIRECTORY_ELSEWHERE)
        sorting->hosts[item] = xstrdup(place.host);
    else
        take_alone(sorting, &offer,
                   known && (place.answer == DIRECTORY_HERE || place.answer == DIRECTORY_NOBODY));
}

/* All that are for the same node as that one. */
static void pass(const struct sorting *sorting, size_t first, struct batch_item *items)
{
    char *host = sorting->hosts[first];
    struct batch part = *sorting->batch;

    part.items = items;
    part.count = 0;
    for (size_t i = first; i < sorting->batch->count; i++) {
        if (!sorting->hosts[i] || strcmp(sorting->hosts[i], host) != 0)
            continue;
        items[part.count++] = sorting->batch->items[i];
        if (i > first)
            free(sorting->hosts[i]);
        sorting->hosts[i] = NULL;
    }
    gateway_pass_batch(sorting->sm, &part, sorting->stanza, host);
    free(host);
}

static void sort(const struct sorting *sorting)
{
    size_t count = sorting->batch->count;
    struct batch_item *items = xcalloc(count, sizeof(*items));

    for (size_t i = 0; i < count; i++)
        take(sorting, i);
    for (size_t i = 0; i < count; i++) {
        if (sorting->hosts[i])
            pass(sorting, i, items);
    }
    free(items);
}

void batches_offered(struct sm *sm, const struct batch *batch, struct stanza *stanza)
{
    struct sorting sorting = {.sm = sm, .batch = batch, .stanza = stanza};

    if (homes_arrived_for_many(sm, batch, stanza))
        return;
    forged_strip_shared(sm, stanza);
    sorting.hosts = xcalloc(batch->count, sizeof(char *));
    sort(&sorting);
    free(sorting.hosts);
}
