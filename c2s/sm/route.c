/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The way of a stanza from here: to an account of this worker, to the server itself, or to the
 * router. What goes by way of the router comes back to sm_arrived() if it is ours, so the short cut
 * changes nothing but the time it takes.
 */
#include "c2s/sm/route.h"

#include <string.h>

#include "c2s/pubsub/pubsub.h"
#include "c2s/pubsub/service.h"
#include "c2s/slots.h"
#include "c2s/sm/delivery.h"
#include "c2s/sm/dispatch.h"
#include "c2s/sm/homes.h"
#include "common/service/follow.h"

bool sm_is_ours(const struct sm *sm, const struct jid *jid)
{
    return worker_serves(sm->worker, jid->domain) ||
           strcmp(jid->domain, worker_host(sm->worker)) == 0;
}

bool sm_is_server(const struct sm *sm, const struct jid *jid)
{
    return !jid->local && sm_is_ours(sm, jid);
}

/* An error that answers something of ours must not need the router that has just failed. */
static void return_to_sender(struct sm *sm, struct stanza *stanza, enum stanza_condition condition)
{
    struct stanza *error = stanza_error(stanza, condition, NULL);

    FOLLOW(stanza->root, "bounced: %s, the router is away or full",
           stanza_condition_name(condition));
    if (error && sm_is_ours(sm, &error->to)) {
        sm_arrived(sm, error);
    }
    stanza_unref(error);
}

void sm_undelivered(struct sm *sm, struct stanza *stanza)
{
    if (homes_came_back(sm, stanza)) {
        return;
    }
    /* Presence is not waited for, and an error for each contact helps nobody. */
    if (stanza->kind != STANZA_PRESENCE && stanza->has_from) {
        return_to_sender(sm, stanza, STANZA_RESOURCE_CONSTRAINT);
    }
}

static void server_answered(struct sm *sm, struct stanza *answer)
{
    SM_MODULES (module)
        if (module->server_answered && module->server_answered(sm, answer) == SM_HANDLED) {
            return;
        }
}

static void server_arrived(struct sm *sm, struct stanza *stanza)
{
    if (stanza->type == IQ_GET || stanza->type == IQ_SET) {
        dispatch_request(sm, SM_TO_SERVER, NULL, NULL, stanza);
    } else if (stanza->kind == STANZA_IQ) {
        server_answered(sm, stanza);
    } else if (stanza->kind == STANZA_MESSAGE && stanza->type != MESSAGE_HEADLINE) {
        sm_refuse(sm, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
    }
}

/* An account that is not in memory has no sessions, so nobody would see this; it is not worth
 * reading the account for each of somebody's contacts. */
static bool nobody_would_see(struct sm *sm, const struct stanza *stanza)
{
    return (stanza->type == PRESENCE_AVAILABLE || stanza->type == PRESENCE_UNAVAILABLE) &&
           !account_lookup(sm, stanza->to.bare) && !pubsub_wants_presence(sm, stanza);
}

void sm_arrived(struct sm *sm, struct stanza *stanza)
{
    if (sm->stopped) {
        return; /* nothing is loaded any more */
    }
    if (!stanza->to.local && service_arrived(sm, stanza)) {
        return;
    }
    if (!stanza->to.local) {
        server_arrived(sm, stanza);
        return;
    }
    if (nobody_would_see(sm, stanza)) {
        return;
    }
    FOLLOW(stanza->root, "arrived for %s", stanza->to.bare);
    if (account_queue(account_get(sm, &stanza->to), delivery_job, stanza) < 0) {
        sm_refuse(sm, stanza, STANZA_RESOURCE_CONSTRAINT, NULL);
    }
}

static bool is_here(struct sm *sm, const struct jid *to)
{
    struct directory_place place;

    return places_look(sm, to, &place) && place.answer != DIRECTORY_ELSEWHERE;
}

/* `alpha.example.net/c2s-2` is that worker and no other. */
static bool is_other_worker(const struct sm *sm, const struct jid *to)
{
    return !to->local && to->resource && strcmp(to->domain, worker_host(sm->worker)) == 0 &&
           strcmp(to->resource, worker_id(sm->worker)) != 0;
}

bool route_is_short(struct sm *sm, const struct jid *to)
{
    if (!sm->limits.shortcut || !sm_is_ours(sm, to) || is_other_worker(sm, to)) {
        return false;
    }
    return !to->local || (slots_owned(sm->slots, slot_of(to->bare)) && is_here(sm, to));
}

/* In our own names only: in any other the router takes nothing, and ends the stream. */
static bool may_write(const struct sm *sm, const struct stanza *stanza)
{
    return !stanza->has_from || sm_is_ours(sm, &stanza->from) || service_is_here(sm, &stanza->from);
}

/* An error in the name of somebody else, for an account whose slot has just gone to another worker,
 * is dealt with as if the router had brought it. */
static void route_here(struct sm *sm, struct stanza *stanza)
{
    if (route_is_short(sm, &stanza->to) ||
        (sm_is_ours(sm, &stanza->to) && !may_write(sm, stanza))) {
        sm_arrived(sm, stanza);
        return;
    }
    FOLLOW(stanza->root, "to the router");
    if (worker_route(sm->worker, stanza) < 0) {
        sm_undelivered(sm, stanza);
    }
}

void sm_route(struct sm *sm, struct stanza *stanza)
{
    if (stanza->has_to) {
        homes_route(sm, stanza, route_here);
    }
}

void sm_route_take(struct sm *sm, struct stanza *stanza)
{
    sm_route(sm, stanza);
    stanza_unref(stanza);
}

void sm_route_presence(struct sm *sm, enum stanza_type type, const struct jid *from,
                       const struct jid *to)
{
    struct stanza *presence = stanza_new(STANZA_PRESENCE, type);

    stanza_set_from(presence, from);
    stanza_set_to(presence, to);
    sm_route_take(sm, presence);
}

void sm_refuse(struct sm *sm, struct stanza *stanza, enum stanza_condition condition,
               const char *text)
{
    struct stanza *error = stanza->has_from ? stanza_error(stanza, condition, text) : NULL;

    FOLLOW(stanza->root, "refused: %s", stanza_condition_name(condition));
    if (error) {
        sm_route_take(sm, error);
    }
}
