/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Batches of offers and answers (docs/ROUTER.md): those of one receiver stay together, as the very
 * bytes that came if that is all of them. Whatever stands in the way of an item, it is a word by
 * itself from then on, and goes the way of such (durable.c).
 */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/component/batch.h"
#include "common/xmpp/namespaces.h"
#include "router/component.h"

struct sorting {
    struct component *sender;
    const struct batch *batch;
    const char *bytes; /* NULL: to be written anew */
    size_t length;
    struct component **receivers; /* of each item; NULL: of those that are done */
};

/* --- one by one --- */

static void route_alone(const struct sorting *sorting, size_t item)
{
    const struct batch *batch = sorting->batch;
    struct durable word = batch_word(batch, item);

    if (batch->kind != DURABLE_OFFER) {
        durable_route(sorting->sender, &word, 0);
        return;
    }
    word.stanza = batch->stanza;
    if (!batch->whole)
        element_set(word.stanza, "to", word.to.full);
    durable_route(sorting->sender, &word, batch->whole ? sorting->length : 0);
    if (!batch->whole)
        element_set(word.stanza, "to", NULL);
}

/* --- together --- */

/* Whoever logs sees stanzas, one for each recipient. */
static void copy_to_taps(const struct sorting *sorting, const struct component *receiver,
                         const struct batch *part)
{
    struct router *router = sorting->sender->router;

    if (!router->tap || part->kind != DURABLE_OFFER)
        return;
    for (size_t i = 0; i < part->count; i++) {
        struct buffer plain = {0};

        if (!part->whole)
            element_set(part->stanza, "to", part->items[i].jid.full);
        element_write_as(&plain, part->stanza, NS_CLIENT, NS_COMPONENT);
        forward_copy(router, sorting->sender, receiver, plain.data, plain.length);
        buffer_fini(&plain);
        if (part->whole)
            return;
    }
    if (!part->whole)
        element_set(part->stanza, "to", NULL);
}

static void send_part(const struct sorting *sorting, struct component *receiver,
                      const struct batch *part)
{
    if (part->kind == DURABLE_OFFER)
        sorting->sender->router->counters.offered += part->count;
    if (sorting->bytes && part->count == sorting->batch->count) {
        component_send(receiver, sorting->bytes, sorting->length);
    } else {
        for (size_t done = 0; done < part->count;) {
            const struct batch rest = batch_from(part, done);
            struct buffer out = {0};

            done += batch_write(&out, &rest);
            component_send(receiver, out.data, out.length);
            buffer_fini(&out);
        }
    }
    copy_to_taps(sorting, receiver, part);
}

/* All items of the receiver of that one. */
static void send_with(const struct sorting *sorting, size_t first, struct batch_item *place)
{
    struct component *receiver = sorting->receivers[first];
    struct batch part = *sorting->batch;

    part.items = place;
    part.count = 0;
    for (size_t i = first; i < sorting->batch->count; i++) {
        if (sorting->receivers[i] == receiver) {
            place[part.count++] = sorting->batch->items[i];
            sorting->receivers[i] = NULL;
        }
    }
    send_part(sorting, receiver, &part);
}

/* Answers find the one who offered; each word of the others has an address of its own. */
static const struct jid *address_of(const struct batch *batch, size_t item)
{
    return batch->kind == DURABLE_TOOK ? &batch->to : &batch->items[item].jid;
}

static void sort(const struct sorting *sorting)
{
    const struct batch *batch = sorting->batch;
    struct batch_item *place = xcalloc(batch->count, sizeof(*place));

    for (size_t i = 0; i < batch->count; i++)
        sorting->receivers[i] =
            durable_receiver(sorting->sender, address_of(batch, i), sorting->length);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->kind == DURABLE_FORGET && sorting->receivers[i]) {
            const struct durable word = batch_word(batch, i);
            taken_forget(sorting->sender->router->taken, &word);
        }
        if (!sorting->receivers[i])
            route_alone(sorting, i);
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (sorting->receivers[i])
            send_with(sorting, i, place);
    }
    free(place);
}

void batch_route(struct component *sender, const struct batch *batch, const char *bytes,
                 size_t length)
{
    struct sorting sorting = {.sender = sender, .batch = batch, .bytes = bytes, .length = length};

    if (batch->kind == DURABLE_OFFER && element_find(batch->stanza, NS_ROUTER, "route")) {
        for (size_t i = 0; i < batch->count; i++) {
            const struct durable word = batch_word(batch, i);
            durable_refuse(sender, &word, STANZA_NOT_ACCEPTABLE);
        }
        return;
    }
    sorting.receivers = xcalloc(batch->count, sizeof(struct component *));
    sort(&sorting);
    free(sorting.receivers);
}
