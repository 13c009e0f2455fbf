/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas to other homes.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/bundle.h"
#include "c2s/sm/envelope.h"
#include "c2s/sm/far.h"
#include "c2s/sm/homes.h"
#include "c2s/sm/route.h"
#include "c2s/sm/shared.h"
#include "common/service/follow.h"

struct held {
    struct stanza *stanza;
    void (*here)(struct sm *sm, struct stanza *stanza);
};

/* Of this home, or come in from outside. */
static enum envelope_stage stage_of(const struct sm *sm, const struct stanza *stanza)
{
    return places_is_networked(sm, &stanza->from) ? ENVELOPE_HOME : ENVELOPE_GATEWAY;
}

static bool is_subscription(const struct stanza *stanza)
{
    return stanza->type >= PRESENCE_SUBSCRIBE && stanza->type <= PRESENCE_UNSUBSCRIBED;
}

/* Presence is worked off there by whoever owns the slot of its sender, for it may be for many; what
 * is for one goes straight to the owner of that account. A foreign sender has no slot, so what it
 * says to a room goes by that of the room. Other answers of a service go to whom it was offered
 * for. */
static const char *whose_slot(const struct sm *sm, const struct stanza *stanza,
                              enum envelope_stage stage)
{
    bool may_be_for_many = stanza->kind == STANZA_PRESENCE && !is_subscription(stanza);

    if (stage == ENVELOPE_GATEWAY && stanza->to.local)
        return stanza->to.local;
    if (!places_is_account(sm, &stanza->to))
        return stanza->from.local;
    return may_be_for_many && places_is_account(sm, &stanza->from) ? stanza->from.local
                                                                   : stanza->to.local;
}

/* NULL: this node serves no home. */
static struct stanza *wrap(struct sm *sm, const struct stanza *stanza, struct envelope *envelope,
                           const struct jid *from, const struct jid *to)
{
    envelope->home = directory_own_home(sm->worker, &envelope->epoch);
    return envelope->home ? envelope_wrap(envelope, stanza, from, to) : NULL;
}

struct stanza *homes_wrap(struct sm *sm, const struct stanza *stanza,
                          const struct directory_place *place)
{
    struct envelope envelope = {.stage = stage_of(sm, stanza)};
    struct arena *arena = arena_new();
    const struct jid from = envelope_address(
        arena, envelope.stage == ENVELOPE_HOME ? stanza->from.local : stanza->to.local,
        worker_host(sm->worker));
    const struct jid to =
        envelope_address(arena, whose_slot(sm, stanza, envelope.stage), place->host);
    struct stanza *message = wrap(sm, stanza, &envelope, &from, &to);

    arena_free(arena);
    return message;
}

struct stanza *homes_wrap_for_many(struct sm *sm, const struct stanza *stanza, const char *host)
{
    struct envelope envelope = {.stage = stage_of(sm, stanza)};
    struct arena *arena = arena_new();
    const struct jid to = envelope_address(arena, NULL, host);
    struct stanza *message = NULL;
    struct jid from;

    if (jid_make(arena, NULL, worker_host(sm->worker), worker_id(sm->worker), &from) == 0)
        message = wrap(sm, stanza, &envelope, &from, &to);
    arena_free(arena);
    return message;
}

void homes_send(struct sm *sm, struct stanza *stanza, const struct directory_place *place)
{
    struct stanza *message;

    if (stanza->kind == STANZA_PRESENCE && places_is_account(sm, &stanza->from) &&
        places_is_account(sm, &stanza->to)) {
        bundle_add(sm, stanza, place);
        return;
    }
    bundle_flush(sm, place->host);
    FOLLOW(stanza->root, "in an envelope to node %s, home %s", place->host, place->home);
    message = homes_wrap(sm, stanza, place);
    if (!message || worker_route(sm->worker, message) < 0)
        sm_undelivered(sm, stanza);
    stanza_unref(message);
}

/* For an answer to presence waits who enters a room (XEP-0045), and nobody else. */
static bool is_waited_for(const struct sm *sm, const struct stanza *stanza)
{
    return stanza->kind != STANZA_PRESENCE ||
           (stanza->type == PRESENCE_AVAILABLE && stanza->has_to && stanza->to.local &&
            directory_is_shared(sm->worker, stanza->to.domain));
}

static void refuse_for_now(struct sm *sm, struct stanza *stanza)
{
    if (is_waited_for(sm, stanza))
        shared_refuse(sm, stanza, STANZA_REMOTE_SERVER_TIMEOUT,
                      "the home of this address is not known now");
}

static void route(struct sm *sm, struct stanza *stanza, const struct directory_place *place,
                  void (*here)(struct sm *sm, struct stanza *stanza))
{
    if (place->answer == DIRECTORY_ELSEWHERE)
        homes_send(sm, stanza, place);
    else if (place->answer == DIRECTORY_UNKNOWN)
        refuse_for_now(sm, stanza);
    else
        here(sm, stanza);
}

static void on_found(struct sm *sm, const struct directory_place *place, void *user)
{
    struct held *held = user;

    route(sm, held->stanza, place, held->here);
    stanza_unref(held->stanza);
    free(held);
}

void homes_route(struct sm *sm, struct stanza *stanza,
                 void (*here)(struct sm *sm, struct stanza *stanza))
{
    struct directory_place place;
    struct held *held;

    if (places_look(sm, &stanza->to, &place)) {
        route(sm, stanza, &place, here);
        return;
    }
    held = xcalloc(1, sizeof(*held));
    held->stanza = stanza_ref(stanza);
    held->here = here;
    places_ask(sm, &stanza->to, on_found, held);
}

/* The other one, whether it has left or not. */
static const char *node_of(const struct sm *sm, const struct stanza *message)
{
    bool ours = strcmp(message->from.domain, worker_host(sm->worker)) == 0;

    return ours ? message->to.domain : message->from.domain;
}

bool homes_came_back(struct sm *sm, struct stanza *message)
{
    const struct element *element = envelope_of(message);
    struct stanza *stanza;

    if (!element)
        return false;
    if (forward_open(element, &stanza) == 0) {
        if (stanza->kind == STANZA_PRESENCE)
            far_lost(sm, stanza, node_of(sm, message));
        if (stanza->has_to && is_waited_for(sm, stanza))
            shared_refuse(sm, stanza, STANZA_REMOTE_SERVER_TIMEOUT,
                          "the home of this address cannot be reached now");
        stanza_unref(stanza);
    }
    return true;
}
