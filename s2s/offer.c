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
    struct offer *prev, *next; /* server->taken, the oldest first */
};

static struct offer *find(const struct server *server, const char *id)
{
    struct offer *offer;
    HASH_FIND_STR(server->offers, id, offer);
    return offer;
}

static struct offer *offer_new(struct server *server, const char *id, const struct stanza *stanza)
{
    struct offer *offer = xcalloc(1, sizeof(*offer));
    offer->server = server;
    offer->id = xstrdup(id);
    offer->from = jid_dup(&stanza->from);
    offer->to = jid_dup(&stanza->to);
    HASH_ADD_KEYPTR(hh, server->offers, offer->id, strlen(offer->id), offer);
    return offer;
}

void offer_drop(struct offer *offer)
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

void offer_forget(struct server *server, const char *id)
{
    struct offer *offer = find(server, id);
    if (offer && offer->taken)
        offer_drop(offer);
}

void offer_free_all(struct server *server)
{
    struct offer *offer, *next;
    HASH_ITER (hh, server->offers, offer, next) {
        offer_drop(offer);
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

void offer_took(struct offer *offer)
{
    struct server *server = offer->server;
    say_taken(offer);
    offer->taken = true;
    DL_APPEND(server->taken, offer);
    if (++server->taken_count > TAKEN_MAX)
        offer_drop(server->taken);
}

void offer_refuse(struct offer *offer, enum stanza_condition reason, const char *text,
                  unsigned retry_after)
{
    struct durable refused = answer_to(offer, DURABLE_REFUSED);
    refused.reason = reason;
    refused.text = text;
    refused.retry_after = retry_after;
    log_debug("s2s_offer_refused", LOG_TEXT("id", offer->id), LOG_TEXT("to", offer->to->bare),
              LOG_TEXT("condition", stanza_condition_name(reason)), LOG_TEXT("reason", text));
    link_answer(offer->server->link, &refused);
    offer_drop(offer);
}

/* --- offers --- */

static void send_out(struct server *server, struct offer *offer, struct stanza *stanza)
{
    const char *problem = server_why_not(server, stanza->from.domain, stanza->to.domain);
    if (problem) {
        FOLLOW(stanza->root, "offer %s refused: %s", offer->id, problem);
        offer_refuse(offer, STANZA_REMOTE_SERVER_NOT_FOUND, problem, 0);
        stanza_unref(stanza);
        return;
    }
    pair_send(pair_get(server, stanza->from.domain, stanza->to.domain), stanza, offer);
}

void offer_received(struct server *server, const struct durable *words, struct stanza *stanza)
{
    const struct offer *known = find(server, words->id);
    if (known) { /* on its way: answered when that is known */
        if (known->taken)
            say_taken(known);
        stanza_unref(stanza);
        return;
    }
    struct offer *offer = offer_new(server, words->id, stanza);
    if (words->after && !find(server, words->after)) {
        offer_refuse(offer, STANZA_UNEXPECTED_REQUEST, NULL, 0);
        stanza_unref(stanza);
        return;
    }
    send_out(server, offer, stanza);
}
