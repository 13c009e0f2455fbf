/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The outbox: a list for each pair of domains, in the order of sending. Messages have a row in the
 * database too (outbox_rows.c), from which they are read again; subscriptions do not. Whatever
 * comes back stops the list; after a while its head is offered alone, and the rest follows once
 * that has been taken, or has not come back for a moment: so a dead domain costs few offers now and
 * then, however much waits for it.
 */
#include "c2s/sm/outbox.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/component/slots.h"

#define TICK_MS      1000
#define BACK_OFF_MIN 1000
#define BACK_OFF_MAX 60000
/* What came in the wrong order is not the other side's fault. */
#define ORDER_MS 50
/* Of one list on their way at the same time. */
#define WINDOW 256
/* Without an answer for so long it is offered again: the answer may have been lost. */
#define STALE_MS 180000
/* Of all that waits, in memory. */
#define BYTES_MAX ((size_t)64 * 1024 * 1024)

/* A stanza that nobody else answers for. */
struct parcel {
    UT_hash_handle hh; /* by id */
    char *id;
    struct list *list;
    struct sender *sender;
    struct stanza *stanza;
    struct outbox_row row;
    unsigned attempt;
    bool offered; /* the answer is awaited */
    uint64_t offered_ms;
    uint64_t expires_ms;
    struct parcel *prev, *next;
};

/* One domain of ours and one of others. */
struct list {
    UT_hash_handle hh; /* by key */
    char *key;         /* "ours theirs", with a slot for accounts of ours */
    char *theirs;
    struct parcel *parcels;
    size_t count;
    unsigned failures;            /* in a row; above 0 the head is offered first */
    uint64_t due_ms;              /* nothing is offered before; UINT64_MAX: until it is reachable */
    enum stanza_condition reason; /* of the latest failure */
    char *problem;                /* the same for people, or NULL */
};

struct sender {
    UT_hash_handle hh;
    size_t count;
    char bare[];
};

struct outbox {
    struct sm *sm;
    struct timer *timer;
    struct parcel *parcels;
    struct list *lists;
    struct sender *senders;
    uint64_t next;
    size_t bytes;
    struct outbox_rows *rows;
};

/* --- the books --- */

static struct sender *find_sender(struct outbox *outbox, const char *bare)
{
    struct sender *sender;
    size_t length = strlen(bare);

    HASH_FIND(hh, outbox->senders, bare, length, sender);
    if (sender)
        return sender;
    sender = xcalloc(1, sizeof(*sender) + length + 1);
    memcpy(sender->bare, bare, length + 1);
    HASH_ADD_KEYPTR(hh, outbox->senders, sender->bare, length, sender);
    return sender;
}

static void release_sender(struct outbox *outbox, struct sender *sender)
{
    if (sender->count > 0)
        return;
    HASH_DEL(outbox->senders, sender);
    free(sender);
}

static struct list *find_list(struct outbox *outbox, const struct stanza *stanza)
{
    unsigned slot = sm_is_ours(outbox->sm, &stanza->to) ? slot_of(stanza->to.bare) : SLOTS;
    char *key = xasprintf("%s %s %u", stanza->from.domain, stanza->to.domain, slot);
    struct list *list;

    HASH_FIND_STR(outbox->lists, key, list);
    if (list) {
        free(key);
        return list;
    }
    list = xcalloc(1, sizeof(*list));
    list->key = key;
    list->theirs = xstrdup(stanza->to.domain);
    HASH_ADD_KEYPTR(hh, outbox->lists, list->key, strlen(list->key), list);
    return list;
}

static void release_list(struct outbox *outbox, struct list *list)
{
    if (list->parcels)
        return;
    HASH_DEL(outbox->lists, list);
    free(list->problem);
    free(list->theirs);
    free(list->key);
    free(list);
}

/* The list and the sender stay, even if that was their last. */
static void remove_parcel(struct outbox *outbox, struct parcel *parcel)
{
    HASH_DEL(outbox->parcels, parcel);
    DL_DELETE(parcel->list->parcels, parcel);
    parcel->list->count--;
    parcel->sender->count--;
    release_sender(outbox, parcel->sender);
    outbox->bytes -= arena_size(parcel->stanza->arena);
    stanza_unref(parcel->stanza);
    free(parcel->id);
    free(parcel);
}

static void end_parcel(struct outbox *outbox, struct parcel *parcel, enum stanza_condition reason,
                       const char *type, const char *text)
{
    struct stanza *error = stanza_error_typed(parcel->stanza, reason, type, text);

    log_info("outbox_ended", LOG_TEXT("id", parcel->id), LOG_TEXT("to", parcel->stanza->to.bare),
             LOG_TEXT("reason", stanza_condition_name(reason)), LOG_TEXT("text", text));
    if (parcel->row.owner)
        outbox_rows_done(outbox->rows, &parcel->row, NULL);
    remove_parcel(outbox, parcel);
    if (error)
        sm_route_take(outbox->sm, error);
}

/* --- offering --- */

static const char *predecessor(const struct parcel *parcel)
{
    return parcel == parcel->list->parcels ? NULL : parcel->prev->id;
}

/* False: nothing more can be offered now. */
static bool offer(struct outbox *outbox, struct parcel *parcel)
{
    struct list *list = parcel->list;
    int error = worker_offer(outbox->sm->worker, parcel->id, parcel->attempt + 1,
                             predecessor(parcel), parcel->stanza);

    if (error) {
        list->due_ms = UINT64_MAX;
        return false;
    }
    parcel->attempt++;
    parcel->offered = true;
    parcel->offered_ms = clock_monotonic_ms();
    return true;
}

/* How many, from the head, may be on their way. */
static size_t window_of(const struct list *list, uint64_t now)
{
    const struct parcel *head = list->parcels;

    if (list->failures == 0)
        return WINDOW;
    return head && head->offered && head->offered_ms + TICK_MS <= now ? WINDOW : 1;
}

static void flow(struct outbox *outbox, struct list *list)
{
    uint64_t now = clock_monotonic_ms();
    size_t window = window_of(list, now);
    struct parcel *parcel;

    if (now < list->due_ms)
        return;
    DL_FOREACH (list->parcels, parcel) {
        if (window-- == 0 || (!parcel->offered && !offer(outbox, parcel)))
            return;
    }
}

bool outbox_has_room(struct sm *sm, const struct stanza *stanza)
{
    struct outbox *outbox = sm->outbox;
    struct list *list = find_list(outbox, stanza);
    struct sender *sender = find_sender(outbox, stanza->from.bare);
    bool room = list->count < sm->limits.outbox_domain &&
                sender->count < sm->limits.outbox_sender && outbox->bytes < BYTES_MAX;

    release_sender(outbox, sender);
    release_list(outbox, list);
    return room;
}

/* Behind what its account has sent before. */
static void insert_old(struct list *list, struct parcel *parcel)
{
    struct parcel *other;

    DL_FOREACH (list->parcels, other) {
        if (other->row.owner == parcel->row.owner && other->row.seq > parcel->row.seq) {
            DL_PREPEND_ELEM(list->parcels, other, parcel);
            return;
        }
    }
    DL_APPEND(list->parcels, parcel);
}

static struct parcel *add_parcel_take(struct outbox *outbox, char *id, struct stanza *stanza,
                                      const struct outbox_row *row)
{
    struct parcel *parcel = xcalloc(1, sizeof(*parcel));

    parcel->id = id;
    parcel->list = find_list(outbox, stanza);
    parcel->sender = find_sender(outbox, stanza->from.bare);
    parcel->stanza = stanza_ref(stanza);
    parcel->expires_ms = clock_monotonic_ms() + outbox->sm->limits.outbox_expiry_ms;
    outbox->bytes += arena_size(stanza->arena);
    parcel->sender->count++;
    parcel->list->count++;
    if (row) {
        parcel->row = *row;
        insert_old(parcel->list, parcel);
    } else {
        DL_APPEND(parcel->list->parcels, parcel);
    }
    HASH_ADD_KEYPTR(hh, outbox->parcels, parcel->id, strlen(parcel->id), parcel);
    return parcel;
}

void outbox_put(struct sm *sm, const struct outbox_row *row, struct stanza *stanza, int64_t age_ms,
                bool old)
{
    char *id = xasprintf("%s/%" PRId64, stanza->from.bare, row->seq);
    struct parcel *parcel;

    HASH_FIND_STR(sm->outbox->parcels, id, parcel);
    if (parcel) {
        free(id); /* it was written while the table was read */
        return;
    }
    parcel = add_parcel_take(sm->outbox, id, stanza, old ? row : NULL);
    parcel->row = *row;
    parcel->expires_ms -= MIN((uint64_t)MAX(age_ms, 0), sm->limits.outbox_expiry_ms);
    flow(sm->outbox, parcel->list);
}

int outbox_add(struct sm *sm, struct stanza *stanza)
{
    struct parcel *parcel;

    if (!outbox_has_room(sm, stanza))
        return ERR_LIMIT;
    parcel = add_parcel_take(
        sm->outbox, xasprintf("%s/%" PRIu64, stanza->from.bare, sm->outbox->next++), stanza, NULL);
    flow(sm->outbox, parcel->list);
    return 0;
}

void outbox_drop(struct sm *sm, unsigned slot)
{
    struct outbox *outbox = sm->outbox;
    struct parcel *parcel, *next;

    HASH_ITER (hh, outbox->parcels, parcel, next) {
        if (parcel->row.owner && parcel->row.slot == slot)
            remove_parcel(outbox, parcel);
    }
}

void outbox_slots_changed(struct sm *sm)
{
    outbox_rows_slots_changed(sm->outbox->rows);
}

/* --- answers --- */

/* Once the row is gone: until then it may be offered again. */
static void forget(struct outbox *outbox, const struct parcel *parcel, const struct durable *answer)
{
    const struct durable words = {
        .kind = DURABLE_FORGET, .id = answer->id, .from = answer->to, .to = answer->from};

    if (parcel && parcel->row.owner)
        outbox_rows_done(outbox->rows, &parcel->row, &words);
    else
        worker_answer(outbox->sm->worker, &words);
}

static void taken(struct outbox *outbox, struct parcel *parcel)
{
    struct list *list = parcel->list;

    list->failures = 0;
    list->due_ms = 0;
    remove_parcel(outbox, parcel);
    flow(outbox, list);
    release_list(outbox, list);
}

static void note_problem(struct list *list, const struct durable *refused)
{
    list->reason = refused->reason;
    free(list->problem);
    list->problem = xstrdup_or_null(refused->text);
}

/* The first that comes back decides for how long; those behind it say the same. */
static void back_off(struct list *list, const struct durable *refused)
{
    uint64_t now = clock_monotonic_ms();
    uint64_t wait = backoff_ms(list->failures, BACK_OFF_MIN, BACK_OFF_MAX);
    uint64_t hint = MIN((uint64_t)refused->retry_after * 1000, BACK_OFF_MAX);

    if (list->failures > 0 && now < list->due_ms)
        return;
    list->failures++;
    list->due_ms = now + MAX(wait, hint);
    note_problem(list, refused);
}

static void refused_for_now(struct outbox *outbox, struct parcel *parcel,
                            const struct durable *refused)
{
    struct list *list = parcel->list;

    parcel->offered = false;
    if (refused->reason != STANZA_UNEXPECTED_REQUEST)
        back_off(list, refused);
    else if (list->failures == 0)
        list->due_ms = clock_monotonic_ms() + ORDER_MS;
    timer_start(outbox->timer, ORDER_MS, TICK_MS);
}

static void refused_for_good(struct outbox *outbox, struct parcel *parcel,
                             const struct durable *refused)
{
    struct list *list = parcel->list;

    end_parcel(outbox, parcel, refused->reason, refused->type, refused->text);
    flow(outbox, list);
    release_list(outbox, list);
}

void outbox_answered(struct sm *sm, const struct durable *answer)
{
    struct outbox *outbox = sm->outbox;
    struct parcel *parcel;

    HASH_FIND_STR(outbox->parcels, answer->id, parcel);
    if (answer->kind == DURABLE_TOOK)
        forget(outbox, parcel, answer);
    if (!parcel)
        return;
    if (answer->kind == DURABLE_TOOK)
        taken(outbox, parcel);
    else if (strcmp(answer->type, "wait") == 0)
        refused_for_now(outbox, parcel, answer);
    else
        refused_for_good(outbox, parcel, answer);
}

void outbox_full(struct sm *sm, const char *id)
{
    struct parcel *parcel;

    HASH_FIND_STR(sm->outbox->parcels, id, parcel);
    if (!parcel)
        return;
    parcel->offered = false;
    parcel->list->due_ms = UINT64_MAX; /* until <ready/> */
}

/* --- when it is offered again --- */

/* Whoever had it is not there any more. */
static void start_over(struct list *list)
{
    struct parcel *parcel;

    DL_FOREACH (list->parcels, parcel) {
        parcel->offered = false;
    }
    list->failures = 0;
    list->due_ms = 0;
}

static bool concerns(const struct list *list, enum c2s_reach how, const char *name)
{
    if (how == C2S_REACH_ALL)
        return true;
    return name == NULL || strcmp(list->theirs, name) == 0;
}

void outbox_reachable(struct sm *sm, enum c2s_reach how, const char *name)
{
    struct list *list, *next;

    HASH_ITER (hh, sm->outbox->lists, list, next) {
        if (!concerns(list, how, name))
            continue;
        if (how != C2S_REACH_ROOM)
            start_over(list);
        else if (list->due_ms == UINT64_MAX)
            list->due_ms = 0;
        flow(sm->outbox, list);
    }
}

static void expire(struct outbox *outbox, struct list *list, uint64_t now)
{
    while (list->parcels && !list->parcels->offered && list->parcels->expires_ms <= now)
        end_parcel(outbox, list->parcels, STANZA_REMOTE_SERVER_TIMEOUT, "wait",
                   list->problem ? list->problem : "the domain could not be reached");
}

static void ask_again(struct list *list, uint64_t now)
{
    if (list->parcels && list->parcels->offered && list->parcels->offered_ms + STALE_MS <= now)
        start_over(list);
}

static void on_tick(void *user)
{
    struct outbox *outbox = user;
    uint64_t now = clock_monotonic_ms();
    struct list *list, *next;

    outbox_rows_flush(outbox->rows);
    HASH_ITER (hh, outbox->lists, list, next) {
        ask_again(list, now);
        expire(outbox, list, now);
        flow(outbox, list);
        release_list(outbox, list);
    }
}

/* --- life --- */

/* No id comes twice, not even after a restart: the clock is far ahead of what was counted. */
static void start(struct sm *sm)
{
    struct outbox *outbox = xcalloc(1, sizeof(*outbox));

    outbox->sm = sm;
    outbox->next = (uint64_t)clock_wall_us();
    outbox->rows = outbox_rows_new(sm);
    outbox->timer = timer_new(sm->loop, on_tick, outbox);
    timer_start(outbox->timer, TICK_MS, TICK_MS);
    sm->outbox = outbox;
}

/* What was not offered yet goes out without a promise rather than not at all. */
static void stop(struct sm *sm)
{
    struct outbox *outbox = sm->outbox;
    struct parcel *parcel, *next;
    struct list *list, *next_list;

    HASH_ITER (hh, outbox->parcels, parcel, next) {
        if (!parcel->row.owner && !parcel->offered && worker_route(sm->worker, parcel->stanza) < 0)
            log_warn("outbox_lost", LOG_TEXT("id", parcel->id),
                     LOG_TEXT("to", parcel->stanza->to.bare));
        remove_parcel(outbox, parcel);
    }
    HASH_ITER (hh, outbox->lists, list, next_list) {
        release_list(outbox, list);
    }
    timer_close(outbox->timer);
    outbox_rows_free(outbox->rows);
    free(outbox);
}

const struct sm_module outbox_module = {.name = "outbox", .start = start, .stop = stop};
