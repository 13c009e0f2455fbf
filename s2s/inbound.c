/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offering to session managers what comes from outside.
 */
#include "s2s/inbound.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/service/follow.h"
#include "common/xmpp/namespaces.h"

#define NS_CHAT_STATES "http://jabber.org/protocol/chatstates"

#define TICK_MS  500
#define AGAIN_MS 2000 /* without an answer; doubled each time */
/* What came in the wrong order is not the other side's fault. */
#define ORDER_MS 50
/* Of one stream, before it is not read any more. */
#define OPEN_MAX       128
#define OPEN_BYTES_MAX ((size_t)512 * 1024)

/* A stanza that somebody else sent and nobody has taken. */
struct inbound {
    UT_hash_handle hh; /* server->inbounds, by id */
    char *id;
    struct server *server;
    struct in *in; /* NULL: the stream has ended */
    struct stanza *stanza;
    size_t size;
    uint32_t number; /* in the count of the stream */
    unsigned attempt;
    enum stanza_condition problem; /* what its sender is told if it waits too long */
    bool offered;                  /* the answer is awaited */
    uint64_t due_ms; /* it is offered again then; UINT64_MAX: as soon as that is possible */
    uint64_t expires_ms;
    struct inbound *prev, *next;       /* server->inbound, in the order of their coming */
    struct inbound *in_prev, *in_next; /* in->open */
};

bool inbound_is_durable(const struct stanza *stanza)
{
    if (stanza->kind == STANZA_PRESENCE)
        return stanza->type >= PRESENCE_SUBSCRIBE && stanza->type <= PRESENCE_UNSUBSCRIBED;
    if (stanza->type != MESSAGE_NORMAL && stanza->type != MESSAGE_CHAT &&
        stanza->type != MESSAGE_GROUPCHAT)
        return false;
    ELEMENT_FOREACH (child, stanza->root) {
        if (strcmp(child->ns, NS_CHAT_STATES) != 0 && !element_is(child, NS_CLIENT, "thread"))
            return true;
    }
    return false;
}

/* --- reading and not reading --- */

static bool has_too_much(const struct in *in)
{
    return in->open_count >= OPEN_MAX || in->open_bytes >= OPEN_BYTES_MAX ||
           (in->open && in->server->inbound_bytes >= in->server->limits.queue_total);
}

static void choose_to_read(struct in *in)
{
    bool full = has_too_much(in);
    if (full == in->full)
        return;
    in->full = full;
    (full ? conn_pause : conn_resume)(in->conn);
}

static void join_stream(struct inbound *inbound, struct in *in)
{
    inbound->in = in;
    DL_APPEND2(in->open, inbound, in_prev, in_next);
    in->open_count++;
    in->open_bytes += inbound->size;
    choose_to_read(in);
}

static void leave_stream(struct inbound *inbound)
{
    struct in *in = inbound->in;
    if (!in)
        return;
    inbound->in = NULL;
    DL_DELETE2(in->open, inbound, in_prev, in_next);
    in->open_count--;
    in->open_bytes -= inbound->size;
    choose_to_read(in);
}

/* There is room for all again. */
static void read_all(struct server *server)
{
    struct in *in;
    DL_FOREACH (server->ins, in) {
        choose_to_read(in);
    }
}

/* --- the end of one --- */

static void remove_inbound(struct inbound *inbound)
{
    struct server *server = inbound->server;
    bool was_full = server->inbound_bytes >= server->limits.queue_total;
    server->inbound_bytes -= inbound->size;
    leave_stream(inbound);
    if (was_full && server->inbound_bytes < server->limits.queue_total)
        read_all(server);
    HASH_DEL(server->inbounds, inbound);
    DL_DELETE(server->inbound, inbound);
    stanza_unref(inbound->stanza);
    free(inbound->id);
    free(inbound);
}

/* Somebody else answers for it, or its sender knows that nobody does. */
static void settle(struct inbound *inbound)
{
    struct in *in = inbound->in;
    remove_inbound(inbound);
    if (in)
        in_sm_settled(in);
}

static void give_back(struct inbound *inbound, enum stanza_condition reason, const char *type,
                      const char *text)
{
    struct server *server = inbound->server;
    struct stanza *error = stanza_error_typed(inbound->stanza, reason, type, text);
    FOLLOW(inbound->stanza->root, "bounced: %s", stanza_condition_name(reason));
    log_debug("s2s_inbound_refused", LOG_TEXT("from", inbound->stanza->from.full),
              LOG_TEXT("to", inbound->stanza->to.full),
              LOG_TEXT("condition", stanza_condition_name(reason)));
    settle(inbound);
    if (error)
        server_to_remote(server, error);
}

/* --- offering --- */

/* The one that has to come before it; NULL: none is left. Streams are not ordered among each other
 * (RFC 6120 §10.1). */
static struct inbound *predecessor(const struct inbound *inbound)
{
    const struct stanza *stanza = inbound->stanza;
    struct inbound *at;
    if (!inbound->in)
        return NULL;
    /* before the first stands the last */
    for (at = inbound->in_prev; at != inbound->in->open->in_prev; at = at->in_prev) {
        if (strcmp(at->stanza->from.bare, stanza->from.bare) == 0 &&
            strcmp(at->stanza->to.bare, stanza->to.bare) == 0)
            return at;
    }
    return NULL;
}

static uint64_t next_time(const struct inbound *inbound)
{
    return clock_monotonic_ms() + ((uint64_t)AGAIN_MS << MIN(inbound->attempt - 1, 4U));
}

static void was_offered(struct inbound *inbound)
{
    inbound->attempt++;
    FOLLOW(inbound->stanza->root, "came in, offer %s to the router, attempt %u", inbound->id,
           inbound->attempt);
    inbound->offered = true;
    inbound->due_ms = next_time(inbound);
}

static void offer(struct inbound *inbound)
{
    struct server *server = inbound->server;
    const struct inbound *before = predecessor(inbound);
    inbound->due_ms = UINT64_MAX;
    inbound->offered = false;
    if (before && !before->offered)
        return; /* behind that one */
    if (link_offer(server->link, inbound->id, inbound->attempt + 1, before ? before->id : NULL,
                   inbound->stanza) != 0)
        return;
    was_offered(inbound);
}

/* Those that need not wait for another: with one stanza for all. What cannot be offered now is when
 * that is possible. */
static void offer_together(struct server *server, struct inbound *const *all, size_t count)
{
    struct batch_item *items = xcalloc(count, sizeof(*items));
    struct batch batch = {.kind = DURABLE_OFFER, .items = items};
    struct inbound **offered = xcalloc(count, sizeof(struct inbound *));
    struct stanza *copy = stanza_copy(all[0]->stanza);
    size_t made;
    for (size_t i = 0; i < count; i++) {
        const struct inbound *before = predecessor(all[i]);
        if (before && !before->offered)
            continue;
        offered[batch.count] = all[i];
        items[batch.count++] = (struct batch_item){.jid = all[i]->stanza->to,
                                                   .id = all[i]->id,
                                                   .attempt = 1,
                                                   .after = before ? before->id : NULL};
        all[i]->offered = true;
    }
    if (link_offer_batch(server->link, &batch, copy, &made) == 0)
        made = batch.count;
    for (size_t i = 0; i < batch.count; i++) {
        offered[i]->offered = i < made;
        if (i < made)
            was_offered(offered[i]);
    }
    stanza_unref(copy);
    free(offered);
    free(items);
}

static struct inbound *add(struct in *in, struct stanza *stanza)
{
    struct server *server = in->server;
    struct inbound *inbound = xcalloc(1, sizeof(*inbound));
    inbound->id =
        xasprintf("s2s/%s/%" PRIu64, link_incarnation(server->link), server->inbound_next++);
    inbound->server = server;
    inbound->stanza = stanza;
    inbound->size = arena_size(stanza->arena);
    inbound->problem = STANZA_RESOURCE_CONSTRAINT;
    inbound->number = in->received;
    inbound->expires_ms = clock_monotonic_ms() + server->limits.expiry_ms;
    inbound->due_ms = UINT64_MAX;
    server->inbound_bytes += inbound->size;
    if (!server->inbound)
        server->inbound_since_ms = clock_monotonic_ms();
    HASH_ADD_KEYPTR(hh, server->inbounds, inbound->id, strlen(inbound->id), inbound);
    DL_APPEND(server->inbound, inbound);
    join_stream(inbound, in);
    return inbound;
}

void inbound_take(struct in *in, struct stanza *stanza)
{
    offer(add(in, stanza));
    server_check_link(in->server);
}

void inbound_take_copies(struct in *in, struct stanza *const *copies, size_t count)
{
    struct inbound **all = xcalloc(count, sizeof(struct inbound *));
    for (size_t i = 0; i < count; i++)
        all[i] = add(in, copies[i]);
    offer_together(in->server, all, count);
    free(all);
    server_check_link(in->server);
}

uint32_t inbound_settled(const struct in *in)
{
    return in->open ? in->open->number - 1 : in->received;
}

void inbound_leave(struct in *in)
{
    while (in->open) {
        struct inbound *inbound = in->open;
        if (in->sm)
            remove_inbound(inbound);
        else
            leave_stream(inbound);
    }
}

/* --- answers --- */

static struct inbound *find(const struct server *server, const char *id)
{
    struct inbound *inbound;
    HASH_FIND_STR(server->inbounds, id, inbound);
    return inbound;
}

static void forget(struct server *server, const struct durable *took)
{
    const struct durable words = {
        .kind = DURABLE_FORGET, .id = took->id, .from = took->to, .to = took->from};
    link_answer(server->link, &words);
}

/* What was before it has been lost. */
static void go_back(struct inbound *inbound)
{
    struct inbound *before = predecessor(inbound);
    if (before)
        before->due_ms = MIN(before->due_ms, inbound->due_ms);
    timer_start(inbound->server->inbound_timer, ORDER_MS, TICK_MS);
}

static void refused(struct inbound *inbound, const struct durable *answer)
{
    bool order = answer->reason == STANZA_UNEXPECTED_REQUEST;
    FOLLOW(inbound->stanza->root, "offer %s refused: %s", inbound->id,
           stanza_condition_name(answer->reason));
    if (strcmp(answer->type, "wait") != 0) {
        give_back(inbound, answer->reason, answer->type, answer->text);
        return;
    }
    if (answer->reason == STANZA_REMOTE_SERVER_TIMEOUT)
        inbound->problem = answer->reason;
    inbound->offered = false;
    inbound->due_ms = clock_monotonic_ms() + (order ? ORDER_MS : AGAIN_MS);
    if (order)
        go_back(inbound);
}

static void was_taken(struct inbound *inbound)
{
    FOLLOW(inbound->stanza->root, "offer %s taken", inbound->id);
    settle(inbound);
}

void inbound_answered(struct server *server, const struct durable *answer)
{
    struct inbound *inbound = find(server, answer->id);
    bool final = answer->kind == DURABLE_TOOK || strcmp(answer->type, "wait") != 0;
    if (final)
        server->inbound_since_ms = clock_monotonic_ms();
    if (answer->kind == DURABLE_TOOK)
        forget(server, answer);
    if (!inbound)
        return;
    if (answer->kind == DURABLE_TOOK)
        was_taken(inbound);
    else
        refused(inbound, answer);
}

void inbound_took_all(struct server *server, const struct batch *tooks)
{
    struct batch_item *items = xcalloc(tooks->count, sizeof(*items));
    const struct batch forgets = {
        .kind = DURABLE_FORGET, .from = tooks->to, .items = items, .count = tooks->count};
    server->inbound_since_ms = clock_monotonic_ms();
    for (size_t i = 0; i < tooks->count; i++) {
        const struct durable took = batch_word(tooks, i);
        struct inbound *inbound = find(server, took.id);
        items[i] = (struct batch_item){.jid = took.from, .id = took.id};
        if (inbound)
            was_taken(inbound);
    }
    link_answer_batch(server->link, &forgets);
    free(items);
}

void inbound_full(struct server *server, const char *id)
{
    struct inbound *inbound = find(server, id);
    if (!inbound)
        return;
    inbound->offered = false;
    inbound->due_ms = clock_monotonic_ms() + AGAIN_MS; /* or with <ready/> */
}

/* --- time --- */

void inbound_reachable(struct server *server, const char *domain, bool anew)
{
    struct inbound *inbound;
    DL_FOREACH (server->inbound, inbound) {
        if (domain && strcmp(inbound->stanza->to.domain, domain) != 0)
            continue;
        if (anew || !inbound->offered)
            offer(inbound);
    }
}

bool inbound_is_stuck(const struct server *server)
{
    return server->inbound_stuck;
}

/* A component that is away is no reason to let nobody in who may want to speak to others. */
static bool waits_for_accounts(const struct server *server)
{
    const struct inbound *inbound;
    DL_FOREACH (server->inbound, inbound) {
        if (policy_has_accounts(server->policy, inbound->stanza->to.domain))
            return true;
    }
    return false;
}

/* Half of the time after which senders are told: while there is still somebody else to go to. */
static void look_whether_stuck(struct server *server, uint64_t now)
{
    bool waits = waits_for_accounts(server) || !link_is_up(server->link);
    bool stuck = waits && server->inbound_since_ms + server->limits.expiry_ms / 2 <= now;
    if (!waits)
        server->inbound_since_ms = now;
    if (stuck && !server->inbound_stuck)
        log_warn("s2s_stuck", LOG_INT("bytes", server->inbound_bytes));
    server->inbound_stuck = stuck;
}

/* For the one before it, or for the link. */
static bool waits_for_others(const struct inbound *inbound)
{
    return !inbound->offered && inbound->due_ms == UINT64_MAX;
}

static void on_tick(void *user)
{
    struct server *server = user;
    uint64_t now = clock_monotonic_ms();
    struct inbound *inbound, *next;
    DL_FOREACH_SAFE (server->inbound, inbound, next) {
        if (inbound->expires_ms <= now)
            give_back(inbound, inbound->problem, "wait", "nobody has taken it in time");
        else if (inbound->due_ms <= now || waits_for_others(inbound))
            offer(inbound);
    }
    look_whether_stuck(server, now);
}

void inbound_start(struct server *server)
{
    server->inbound_since_ms = clock_monotonic_ms();
    server->inbound_timer = timer_new(server->loop, on_tick, server);
    timer_start(server->inbound_timer, TICK_MS, TICK_MS);
}

void inbound_stop(struct server *server)
{
    while (server->inbound)
        remove_inbound(server->inbound);
    timer_close(server->inbound_timer);
}
