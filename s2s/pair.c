/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Pairs and what waits in them.
 */
#include "s2s/pair.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault_point.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/service/follow.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/namespaces.h"
#include "s2s/addresses.h"
#include "s2s/offer.h"
#include "s2s/out.h"
#include "s2s/several.h"

static const char *const STATE_NAMES[PAIR_STATES] = {
    [PAIR_IDLE] = "idle",
    [PAIR_WAITING] = "waiting",
    [PAIR_RESOLVING] = "resolving",
    [PAIR_CONNECTING] = "connecting",
    [PAIR_NEGOTIATING] = "negotiating",
    [PAIR_PROVING] = "proving",
    [PAIR_READY] = "ready",
};

const char *pair_state_name(enum pair_state state)
{
    return STATE_NAMES[state];
}

void pair_enter(struct pair *pair, enum pair_state state)
{
    if (pair->state == state)
        return;
    log_debug("s2s_pair_state", LOG_TEXT("local", pair->local),
              LOG_TEXT("remote", pair->remote->domain), LOG_TEXT("from", STATE_NAMES[pair->state]),
              LOG_TEXT("to", STATE_NAMES[state]));
    pair->state = state;
    if (state != PAIR_PROVING) {
        free(pair->dialback_id);
        pair->dialback_id = NULL;
    }
    if (state == PAIR_READY)
        pair_flush(pair);
}

bool pair_asks(const struct pair *pair, const char *stream_id)
{
    return pair->dialback_id && strcmp(pair->dialback_id, stream_id) == 0;
}

/* --- what waits --- */

/* Takes it out of the queue, but does not free it. */
static void take(struct parcel *parcel)
{
    struct pair *pair = parcel->pair;
    DL_DELETE(pair->waiting, parcel);
    pair->remote->stanzas--;
    pair->remote->bytes -= parcel->size;
    pair->remote->server->queued_bytes -= parcel->size;
}

static void add_up(struct parcel *parcel)
{
    parcel->pair->remote->stanzas++;
    parcel->pair->remote->bytes += parcel->size;
    parcel->pair->remote->server->queued_bytes += parcel->size;
}

void parcel_free(struct parcel *parcel)
{
    if (parcel->offer)
        offer_drop(parcel->offer);
    stanza_unref(parcel->stanza);
    free(parcel);
}

/* Seconds, 0: any time. */
static unsigned next_try(const struct remote *remote)
{
    uint64_t now = clock_monotonic_ms();
    if (!timer_active(remote->retry) || remote->retry_at_ms <= now)
        return 0;
    return (unsigned)((remote->retry_at_ms - now + 999) / 1000);
}

/* Whoever answers for it, or else its sender, is told. */
static void tell_end(const struct remote *remote, const struct stanza *stanza, struct offer *offer,
                     enum stanza_condition condition, const char *text)
{
    if (offer) {
        FOLLOW(stanza->root, "given back: %s%s%s; a next attempt in %u s",
               stanza_condition_name(condition), text ? ", " : "", text ? text : "",
               next_try(remote));
        offer_refuse(offer, condition, text, next_try(remote));
    } else {
        server_bounce(remote->server, stanza, condition, text);
    }
}

static void end_parcel(struct parcel *parcel, enum stanza_condition condition, const char *text)
{
    struct offer *offer = parcel->offer;
    parcel->offer = NULL;
    take(parcel);
    tell_end(parcel->pair->remote, parcel->stanza, offer, condition, text);
    parcel_free(parcel);
}

void pair_give_back(struct pair *pair, const char *text)
{
    struct parcel *parcel, *next;
    DL_FOREACH_SAFE (pair->waiting, parcel, next) {
        if (parcel->offer)
            end_parcel(parcel, STANZA_REMOTE_SERVER_TIMEOUT, text);
    }
}

void pair_bounce(struct pair *pair, enum stanza_condition condition, const char *text)
{
    while (pair->waiting)
        end_parcel(pair->waiting, condition, text);
    timer_stop(pair->expiry);
}

static void arm_expiry(struct pair *pair)
{
    uint64_t now = clock_monotonic_ms();
    if (!pair->waiting || timer_active(pair->expiry))
        return;
    uint64_t deadline = pair->waiting->deadline_ms;
    timer_start(pair->expiry, deadline > now ? deadline - now : 0, 0);
}

void pair_bounce_until(struct pair *pair, uint64_t time_ms, const char *text)
{
    struct parcel *parcel, *next;
    DL_FOREACH_SAFE (pair->waiting, parcel, next) {
        if (parcel->deadline_ms <= time_ms)
            end_parcel(parcel, STANZA_REMOTE_SERVER_TIMEOUT, text);
    }
}

static const char *problem_of(const struct remote *remote)
{
    const char *problem = remote_problem(remote);
    return problem ? problem : "the server of the domain was not reached in time";
}

static void on_expiry(void *user)
{
    struct pair *pair = user;
    struct remote *remote = pair->remote;
    pair_bounce_until(pair, clock_monotonic_ms(), problem_of(remote));
    arm_expiry(pair);
    remote_release(remote);
}

/* --- sending --- */

/* The key of the limit that leaves none; NULL: there is some. */
static const char *no_room(const struct remote *remote, size_t size)
{
    const struct server *server = remote->server;
    const struct server_limits *limits = &server->limits;
    if (remote->stanzas >= limits->queue_stanzas)
        return "queue-stanzas";
    if (remote->bytes + size > limits->queue_bytes)
        return "queue-size";
    return server->queued_bytes + size > limits->queue_total ? "queue-total" : NULL;
}

struct parcel *parcel_new(struct pair *pair, struct stanza *stanza, struct offer *offer)
{
    struct parcel *parcel = xcalloc(1, sizeof(*parcel));
    parcel->stanza = stanza;
    parcel->offer = offer;
    parcel->several = offer_is_of_several(offer);
    parcel->pair = pair;
    parcel->size = arena_size(stanza->arena);
    parcel->number = pair->remote->server->parcel_next++;
    parcel->given_us = clock_wall_us();
    parcel->deadline_ms = clock_monotonic_ms() + pair->remote->server->limits.expiry_ms;
    return parcel;
}

static void enqueue(struct pair *pair, struct stanza *stanza, struct offer *offer)
{
    struct parcel *parcel = parcel_new(pair, stanza, offer);
    DL_APPEND(pair->waiting, parcel);
    add_up(parcel);
    arm_expiry(pair);
}

/* Before the next attempt nothing that others keep has to wait here. */
static bool comes_too_soon(const struct pair *pair, const struct offer *offer)
{
    const struct remote *remote = pair->remote;
    uint64_t patience_ms = offer ? 0 : remote->server->limits.expiry_ms;
    return !pair->out && timer_active(remote->retry) &&
           remote->retry_at_ms > clock_monotonic_ms() + patience_ms;
}

static void tell_full(struct remote *remote, struct stanza *stanza, struct offer *offer,
                      const char *limit)
{
    limit_reached(limit);
    tell_end(remote, stanza, offer, STANZA_RESOURCE_CONSTRAINT,
             strcmp(limit, "queue-total") == 0 ? "too much waits for other servers"
                                               : "too much waits for this domain");
}

void pair_send(struct pair *pair, struct stanza *stanza, struct offer *offer)
{
    struct remote *remote = pair->remote;
    const char *limit = no_room(remote, arena_size(stanza->arena));
    if (limit || comes_too_soon(pair, offer)) {
        if (limit)
            tell_full(remote, stanza, offer, limit);
        else
            tell_end(remote, stanza, offer, STANZA_REMOTE_SERVER_TIMEOUT, problem_of(remote));
        stanza_unref(stanza);
        remote_release(remote);
        return;
    }
    if (pair->state != PAIR_READY)
        FOLLOW(stanza->root, "waits for the connection to %s, which is %s", remote->domain,
               pair_state_name(pair->state));
    enqueue(pair, stanza, offer);
    if (pair->state == PAIR_READY)
        pair_flush(pair);
    else if (pair->out)
        out_prove(pair->out, pair);
    else
        remote_wake(remote);
}

void pair_send_again(struct pair *pair, struct stanza *stanza, struct offer *offer)
{
    struct parcel *parcel = parcel_new(pair, stanza, offer), *behind = pair->waiting;
    parcel->again = true;
    while (behind && behind->again)
        behind = behind->next;
    DL_PREPEND_ELEM(pair->waiting, behind, parcel);
    add_up(parcel);
    arm_expiry(pair);
}

/* What was sent behind that which was refused may be refused next, and is before all others then.
 */
static bool has_to_wait(const struct pair *pair)
{
    return !out_has_room(pair->out) || (pair->waiting->again && several_open(pair));
}

void pair_flush(struct pair *pair)
{
    while (pair->state == PAIR_READY && pair->waiting && !has_to_wait(pair)) {
        struct parcel *parcel = pair->waiting;
        if (parcel->offer)
            FAULT_POINT(s2s_row_before_send);
        take(parcel);
        out_send(pair->out, parcel);
    }
    if (!pair->waiting)
        timer_stop(pair->expiry);
}

/* When it was sent first (XEP-0203), as far as this process knows. */
static void add_delay(const struct parcel *parcel)
{
    struct element *root = parcel->stanza->root, *delay;
    char stamp[DATETIME_SIZE];

    if (parcel->stanza->kind != STANZA_MESSAGE || element_find(root, NS_DELAY, "delay"))
        return;
    datetime_format(parcel->given_us, stamp);
    delay = element_add(root, NS_DELAY, "delay");
    element_set(delay, "from", parcel->pair->local);
    element_set(delay, "stamp", stamp);
}

static void return_one(struct pair *pair, struct parcel *parcel)
{
    parcel->covered = parcel->confirmed = parcel->held = parcel->again = false;
    add_delay(parcel);
    DL_PREPEND(pair->waiting, parcel);
    add_up(parcel);
}

/* The next stream may lead to another server. */
static void return_several(struct pair *pair, struct parcel *parcel)
{
    struct offer *others = parcel->offer, *offer;
    parcel->offer = NULL;
    while ((offer = offer_pop(&others)) != NULL) {
        struct stanza *stanza = addresses_single(parcel->stanza, offer_recipient(offer));
        struct parcel *single = parcel_new(pair, stanza, offer);
        single->given_us = parcel->given_us;
        single->deadline_ms = parcel->deadline_ms;
        return_one(pair, single);
    }
    parcel_free(parcel);
}

void pair_return(struct pair *pair, struct parcel *parcel)
{
    if (parcel->fleeting)
        parcel_free(parcel);
    else if (parcel->several)
        return_several(pair, parcel);
    else
        return_one(pair, parcel);
    timer_stop(pair->expiry);
    arm_expiry(pair);
}

/* --- life --- */

struct pair *pair_of(const struct remote *remote, const char *local)
{
    struct pair *pair;
    DL_FOREACH (remote->pairs, pair) {
        if (strcmp(pair->local, local) == 0)
            return pair;
    }
    return NULL;
}

struct pair *pair_find(struct server *server, const char *local, const char *domain)
{
    const struct remote *remote = remote_find(server, domain);
    return remote ? pair_of(remote, local) : NULL;
}

struct pair *pair_new(struct remote *remote, const char *local)
{
    struct pair *pair = xcalloc(1, sizeof(*pair));
    pair->remote = remote;
    pair->local = xstrdup(local);
    pair->expiry = timer_new(remote->server->loop, on_expiry, pair);
    pair->patience = timer_new(remote->server->loop, barrier_on_timer, pair);
    DL_APPEND(remote->pairs, pair);
    return pair;
}

struct pair *pair_get(struct server *server, const char *local, const char *domain)
{
    struct pair *pair = pair_find(server, local, domain);
    return pair ? pair : pair_new(remote_get(server, domain), local);
}

void pair_detach(struct pair *pair)
{
    pair->out = NULL;
    barrier_lift(pair);
    pair_enter(pair, pair->waiting ? PAIR_WAITING : PAIR_IDLE);
}

void pair_free(struct pair *pair)
{
    while (pair->waiting) {
        struct parcel *parcel = pair->waiting;
        take(parcel);
        parcel_free(parcel);
    }
    DL_DELETE(pair->remote->pairs, pair);
    timer_close(pair->expiry);
    barrier_lift(pair);
    timer_close(pair->patience);
    free(pair->dialback_id);
    free(pair->local);
    free(pair);
}
