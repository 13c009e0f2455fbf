/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What passes between the session manager and the component of a shared service.
 */
#include "c2s/sm/shared.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/envelope.h"
#include "c2s/sm/gateway.h"
#include "c2s/sm/homes.h"
#include "c2s/sm/route.h"
#include "c2s/sm/words.h"
#include "common/base/log.h"
#include "common/xmpp/forward.h"

static bool is_shared(const struct sm *sm, const struct jid *jid)
{
    return directory_is_shared(sm->worker, jid->domain);
}

/* --- to the component --- */

/* From this worker, so that answers come back to it. `to` NULL: for whom the stanza is. */
static struct stanza *hand_over(struct sm *sm, const struct stanza *stanza, const struct jid *to)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    char *address = xasprintf("%s/%s", worker_host(sm->worker), worker_id(sm->worker));
    struct jid from;

    if (jid_parse(message->arena, address, &from) == 0)
        stanza_set_from(message, &from);
    free(address);
    stanza_set_to(message, to ? to : &stanza->to);
    forward_message(message->root, stanza->root, NULL);
    return message;
}

static bool may_write(const struct sm *sm, const struct stanza *stanza)
{
    return sm_is_ours(sm, &stanza->from) || !is_shared(sm, &stanza->to);
}

bool shared_is_unheard(struct sm *sm, const struct stanza *stanza)
{
    return homes_is_foreign(sm, stanza->from.domain) && !sm_is_ours(sm, &stanza->to) &&
           !is_shared(sm, &stanza->to);
}

int shared_route(struct sm *sm, struct stanza *stanza)
{
    struct stanza *message;
    int error;

    if (may_write(sm, stanza))
        return worker_route(sm->worker, stanza);
    message = hand_over(sm, stanza, NULL);
    error = worker_route(sm->worker, message);
    stanza_unref(message);
    return error;
}

static bool is_elsewhere(struct sm *sm, const struct jid *jid)
{
    struct directory_place place;

    return places_look(sm, jid, &place) && place.answer == DIRECTORY_ELSEWHERE;
}

int shared_offer(struct sm *sm, const struct durable *offer, const struct stanza *stanza)
{
    struct stanza *message;
    int error;

    if (may_write(sm, stanza) || is_elsewhere(sm, &stanza->to))
        return words_offer(sm, offer->id, offer->attempt, offer->after, stanza);
    message = hand_over(sm, stanza, NULL);
    error = worker_offer(sm->worker, offer->id, offer->attempt, offer->after, message);
    stanza_unref(message);
    return error;
}

/* An account of this worker is told without the router. */
void shared_refuse(struct sm *sm, struct stanza *stanza, enum stanza_condition condition,
                   const char *text)
{
    struct stanza *error, *message;

    if (!is_shared(sm, &stanza->to) || route_is_short(sm, &stanza->from)) {
        sm_refuse(sm, stanza, condition, text);
        return;
    }
    error = stanza_error(stanza, condition, text);
    if (!error)
        return;
    message = hand_over(sm, error, &stanza->to);
    if (worker_route(sm->worker, message) < 0)
        log_debug("room_error_lost", LOG_TEXT("to", error->to.full));
    stanza_unref(message);
    stanza_unref(error);
}

/* --- from the component --- */

/* A stanza that is being passed on. */
struct passing {
    struct arena *arena;
    struct durable offer; /* id NULL: none */
    struct stanza *stanza;
};

static void refuse(struct sm *sm, const struct passing *passing)
{
    struct durable refused;

    if (!passing->offer.id) {
        shared_refuse(sm, passing->stanza, STANZA_REMOTE_SERVER_TIMEOUT,
                      "the home of this room is not known now");
        return;
    }
    refused = durable_answer(&passing->offer, DURABLE_REFUSED);
    refused.reason = STANZA_REMOTE_SERVER_TIMEOUT;
    refused.type = "wait";
    words_say(sm, &refused);
}

static void finish(struct passing *passing)
{
    stanza_unref(passing->stanza);
    arena_free(passing->arena);
    free(passing);
}

static void on_place(struct sm *sm, const struct directory_place *place, void *user)
{
    struct passing *passing = user;

    if (place->answer != DIRECTORY_ELSEWHERE)
        refuse(sm, passing);
    else if (passing->offer.id)
        gateway_pass(sm, &passing->offer, passing->stanza, place->host);
    else
        homes_send(sm, passing->stanza, place);
    finish(passing);
}

/* A foreign sender, or an account or service whose home this is: others have proved to nobody here
 * who they are. */
static bool may_pass(struct sm *sm, const struct stanza *stanza)
{
    struct directory_place place;

    if (homes_is_foreign(sm, stanza->from.domain))
        return true;
    return places_is_networked(sm, &stanza->from) && places_look(sm, &stanza->from, &place) &&
           place.answer == DIRECTORY_HERE;
}

/* The component has just heard that it is elsewhere: what is remembered otherwise is outdated. */
static void pass(struct sm *sm, struct passing *passing)
{
    struct directory_place place;

    if (places_look(sm, &passing->stanza->to, &place) && place.answer != DIRECTORY_ELSEWHERE)
        directory_forget(sm->worker, &passing->stanza->to);
    places_ask(sm, &passing->stanza->to, on_place, passing);
}

static void begin_take(struct sm *sm, const struct durable *offer, struct stanza *stanza)
{
    struct passing *passing = xcalloc(1, sizeof(*passing));

    passing->arena = arena_new();
    passing->stanza = stanza;
    if (offer)
        durable_copy(passing->arena, offer, &passing->offer);
    if (may_pass(sm, stanza) && !(offer && places_is_networked(sm, &stanza->from))) {
        pass(sm, passing);
    } else {
        refuse(sm, passing);
        finish(passing);
    }
}

/* Nobody but the component can write its name. */
static bool is_from_component(const struct sm *sm, const struct stanza *message)
{
    return message->kind == STANZA_MESSAGE && message->has_from && !message->from.local &&
           is_shared(sm, &message->from);
}

/* It was handed to the component, which is away. */
static bool came_back(const struct sm *sm, const struct stanza *message)
{
    return message->type == MESSAGE_ERROR && message->has_from && message->has_to &&
           is_shared(sm, &message->from) && !message->to.local && message->to.resource &&
           strcmp(message->to.domain, worker_host(sm->worker)) == 0;
}

bool shared_arrived(struct sm *sm, const struct durable *offer, struct stanza *message)
{
    const struct element *forwarded = message->kind == STANZA_MESSAGE
                                          ? element_find(message->root, NS_FORWARD, "forwarded")
                                          : NULL;
    struct stanza *stanza;

    if (!forwarded)
        return false;
    if (!is_from_component(sm, message))
        return came_back(sm, message);
    if (forward_open(forwarded, &stanza) < 0)
        return false;
    if (stanza->has_to && stanza->to.local &&
        strcmp(stanza->to.domain, message->from.domain) == 0) {
        begin_take(sm, offer, stanza);
        return true;
    }
    stanza_unref(stanza);
    return false;
}
