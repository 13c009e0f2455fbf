/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers by id: on their way in a parcel, or taken and remembered.
 */
#include "s2s/offer.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/service/follow.h"
#include "s2s/pair.h"

/* What has been taken is remembered until it is forgotten; beyond this many, the oldest are. */
#define TAKEN_MAX 65536

struct offer {
    UT_hash_handle hh; /* server->offers, by id */
    struct server *server;
    char *id;
    struct jid *from, *to; /* of the stanza */
    bool taken;
    struct offer *others;      /* in the same parcel */
    struct offer *prev, *next; /* server->taken, the oldest first */
};

static struct offer *find(const struct server *server, const char *id)
{
    struct offer *offer;
    HASH_FIND_STR(server->offers, id, offer);
    return offer;
}

static struct offer *offer_new(struct server *server, const char *id, const struct jid *from,
                               const struct jid *to)
{
    struct offer *offer = xcalloc(1, sizeof(*offer));
    offer->server = server;
    offer->id = xstrdup(id);
    offer->from = jid_dup(from);
    offer->to = jid_dup(to);
    HASH_ADD_KEYPTR(hh, server->offers, offer->id, strlen(offer->id), offer);
    return offer;
}

static void drop(struct offer *offer)
{
    struct server *server = offer->server;
    if (offer->taken) {
        DL_DELETE(server->taken, offer);
        server->taken_count--;
    }
    HASH_DEL(server->offers, offer);
    free(offer->from);
    free(offer->to);
    free(offer->id);
    free(offer);
}

struct offer *offer_pop(struct offer **others)
{
    struct offer *offer = *others;
    if (!offer)
        return NULL;
    *others = offer->others;
    offer->others = NULL;
    return offer;
}

void offer_push(struct offer **others, struct offer *offer)
{
    offer->others = *others;
    *others = offer;
}

const char *offer_id(const struct offer *offer)
{
    return offer->id;
}

const struct jid *offer_recipient(const struct offer *offer)
{
    return offer->to;
}

bool offer_is_of_several(const struct offer *offer)
{
    return offer && offer->others;
}

void offer_drop(struct offer *offer)
{
    while (offer)
        drop(offer_pop(&offer));
}

void offer_forget(struct server *server, const char *id)
{
    struct offer *offer = find(server, id);
    if (offer && offer->taken)
        drop(offer);
}

void offer_free_all(struct server *server)
{
    struct offer *offer, *next;
    HASH_ITER (hh, server->offers, offer, next) {
        drop(offer);
    }
}

/* --- answers --- */

static struct durable answer_to(const struct offer *offer, enum durable_kind kind)
{
    const struct durable words = {.id = offer->id, .from = *offer->from, .to = *offer->to};
    return durable_answer(&words, kind);
}

static void say_taken(const struct offer *offer)
{
    struct durable took = answer_to(offer, DURABLE_TOOK);
    link_answer(offer->server->link, &took);
}

static void say_all_taken(const struct offer *first)
{
    const struct durable took = answer_to(first, DURABLE_TOOK);
    struct batch_item *items;
    struct batch batch = {.kind = DURABLE_TOOK, .to = took.to};
    const struct offer *offer;
    struct arena *arena = arena_new();
    for (offer = first; offer; offer = offer->others)
        batch.count++;
    batch.items = items = arena_zalloc(arena, batch.count * sizeof(*items));
    for (offer = first; offer; offer = offer->others)
        *items++ = (struct batch_item){.jid = *offer->to, .id = offer->id};
    if (jid_make(arena, NULL, first->to->domain, NULL, &batch.from) == 0)
        link_answer_batch(first->server->link, &batch);
    arena_free(arena);
}

void offer_took(struct offer *offer)
{
    struct server *server = offer->server;
    if (offer_is_of_several(offer))
        say_all_taken(offer);
    else
        say_taken(offer);
    for (struct offer *one; (one = offer_pop(&offer)) != NULL;) {
        one->taken = true;
        DL_APPEND(server->taken, one);
        if (++server->taken_count > TAKEN_MAX)
            drop(server->taken);
    }
}

static void refuse(struct offer *offer, enum stanza_condition reason, const char *text,
                   unsigned retry_after)
{
    struct durable refused = answer_to(offer, DURABLE_REFUSED);
    refused.reason = reason;
    refused.text = text;
    refused.retry_after = retry_after;
    log_debug("s2s_offer_refused", LOG_TEXT("id", offer->id), LOG_TEXT("to", offer->to->bare),
              LOG_TEXT("condition", stanza_condition_name(reason)), LOG_TEXT("reason", text));
    link_answer(offer->server->link, &refused);
    drop(offer);
}

void offer_refuse(struct offer *offer, enum stanza_condition reason, const char *text,
                  unsigned retry_after)
{
    while (offer)
        refuse(offer_pop(&offer), reason, text, retry_after);
}

/* --- offers --- */

void offer_send(struct offer *offer, struct stanza *stanza)
{
    struct server *server = offer->server;
    const char *problem = server_why_not(server, stanza->from.domain, stanza->to.domain);
    if (problem) {
        FOLLOW(stanza->root, "offer %s refused: %s", offer->id, problem);
        offer_refuse(offer, STANZA_REMOTE_SERVER_NOT_FOUND, problem, 0);
        stanza_unref(stanza);
        return;
    }
    pair_send(pair_get(server, stanza->from.domain, stanza->to.domain), stanza, offer);
}

bool offer_add(struct server *server, const struct durable *words, const struct jid *from,
               struct offer **others)
{
    const struct offer *known = find(server, words->id);
    if (known) { /* on its way: answered when that is known */
        if (known->taken)
            say_taken(known);
        return false;
    }
    struct offer *offer = offer_new(server, words->id, from, &words->to);
    if (words->after && !find(server, words->after)) {
        refuse(offer, STANZA_UNEXPECTED_REQUEST, NULL, 0);
        return false;
    }
    offer_push(others, offer);
    return true;
}

void offer_received(struct server *server, const struct durable *words, struct stanza *stanza)
{
    struct offer *offer = NULL;
    if (offer_add(server, words, &stanza->from, &offer))
        offer_send(offer, stanza);
    else
        stanza_unref(stanza);
}
