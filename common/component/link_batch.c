/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Batches of offers and answers over a link.
 */
#include <stdlib.h>

#include "common/base/error.h"
#include "common/component/batch.h"
#include "common/component/link_internal.h"
#include "common/xmpp/namespaces.h"

/* --- out --- */

static int send_some(struct link *link, const struct batch *batch, size_t *sent)
{
    struct buffer out = {0};
    int error;

    *sent = batch_write(&out, batch);
    error = link_send_words(link, &out);
    buffer_fini(&out);
    return error;
}

static int offer_one_by_one(struct link *link, const struct batch *batch, struct stanza *stanza,
                            size_t *made)
{
    for (; *made < batch->count; ++*made) {
        const struct batch_item *item = &batch->items[*made];
        int error;

        stanza_set_to(stanza, &item->jid);
        error = link_offer(link, item->id, item->attempt, item->after, stanza);
        if (error)
            return error;
    }
    return 0;
}

static int offer_together(struct link *link, const struct batch *batch, struct stanza *stanza,
                          size_t *made)
{
    if (!batch->whole)
        stanza_set_to(stanza, NULL);
    while (*made < batch->count) {
        struct batch rest = batch_from(batch, *made);
        size_t sent;
        int error;

        rest.kind = DURABLE_OFFER;
        rest.stanza = stanza->root;
        error = send_some(link, &rest, &sent);
        if (error)
            return error;
        *made += sent;
    }
    return 0;
}

int link_offer_batch(struct link *link, const struct batch *batch, struct stanza *stanza,
                     size_t *made)
{
    *made = 0;
    if (link->state == LINK_CLOSING)
        return ERR_STATE;
    if (link->state != LINK_UP)
        return ERR_UNAVAILABLE;
    if (!link->durable || (batch->whole && !link->batch))
        return ERR_UNSUPPORTED;
    return link->batch && (batch->whole || batch->count > 1)
               ? offer_together(link, batch, stanza, made)
               : offer_one_by_one(link, batch, stanza, made);
}

static void answer_one_by_one(struct link *link, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable word = batch_word(batch, i);

        link_answer(link, &word);
    }
}

void link_answer_batch(struct link *link, const struct batch *batch)
{
    size_t sent;

    if (!link->batch || batch->count == 1) {
        answer_one_by_one(link, batch);
        return;
    }
    if (link->state != LINK_UP)
        return;
    for (size_t done = 0; done < batch->count; done += sent) {
        const struct batch rest = batch_from(batch, done);

        if (send_some(link, &rest, &sent) < 0)
            return;
    }
}

/* --- in --- */

void link_refuse_batch(struct link *link, const struct batch *batch, enum stanza_condition reason)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable offer = batch_word(batch, i);
        struct durable refused = durable_answer(&offer, DURABLE_REFUSED);

        refused.reason = reason;
        link_answer(link, &refused);
    }
}

void link_take_one_by_one(struct link *link, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct durable word = batch_word(batch, i);
        struct stanza *stanza;
        int problem;

        if (batch->kind != DURABLE_OFFER)
            link->ops->answered(link->user, &word);
        else if (batch_copy_stanza(batch, i, &stanza, &problem) == 0)
            link->ops->offer(link->user, &word, stanza);
    }
}

/* -1, or what is wrong with the stanza though batch_read() took it. */
static int copy_stanza(const struct batch *batch, struct stanza **stanza)
{
    int problem = -1;

    *stanza = NULL;
    if (batch->stanza && stanza_from_element_take(element_copy(arena_new(), batch->stanza),
                                                  NS_CLIENT, stanza, &problem) < 0)
        return STANZA_BAD_REQUEST;
    return problem;
}

static void take(struct link *link, const struct batch *batch)
{
    struct stanza *stanza;
    int problem = copy_stanza(batch, &stanza);

    if (problem >= 0) {
        link_refuse_batch(link, batch, (enum stanza_condition)problem);
    } else if (link->ops->batch) {
        link->ops->batch(link->user, batch, stanza);
        return;
    } else if (batch->whole) {
        link_refuse_batch(link, batch, STANZA_FEATURE_NOT_IMPLEMENTED);
    } else {
        link_take_one_by_one(link, batch);
    }
    stanza_unref(stanza);
}

void link_on_batch(void *user, struct element *element)
{
    struct link *link = user;
    struct batch batch;

    if (!link->durable || batch_read(element, &batch) < 0)
        stream_fail(link->stream, STREAM_BAD_FORMAT, NULL);
    else
        take(link, &batch);
}
