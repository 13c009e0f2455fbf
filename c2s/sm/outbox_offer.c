/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offering, and what the answers mean. Whatever comes back stops its list; after a while the head
 * is offered alone, and the rest follows once that has been taken, or has not come back for a
 * moment: so a dead domain costs few offers now and then, however much waits for it.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/node_message.h"
#include "c2s/pubsub/service.h"
#include "c2s/sm/outbox_internal.h"
#include "c2s/sm/places.h"
#include "c2s/sm/words.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/fault_point.h"
#include "common/base/log.h"
#include "common/service/follow.h"
#include "common/xmpp/datetime.h"

#define BACK_OFF_MIN 1000
#define BACK_OFF_MAX 60000
/* What came in the wrong order is not the other side's fault. */
#define ORDER_MS 50
/* Of one list on their way at the same time. */
#define WINDOW 256

static const char *predecessor(const struct parcel *parcel)
{
    return parcel == parcel->list->parcels ? NULL : parcel->prev->id;
}

/* Another server is told when that was said which comes to it later, or again (XEP-0203). */
static void add_delay(struct outbox *outbox, const struct parcel *parcel)
{
    const struct stanza *stanza = parcel->stanza;
    struct element *delay;
    char stamp[DATETIME_SIZE];

    if ((parcel->attempt == 0 && !parcel->old) || stanza->kind != STANZA_MESSAGE ||
        sm_is_ours(outbox->sm, &stanza->to) || element_find(stanza->root, NS_DELAY, "delay"))
        return;
    datetime_format(parcel->said_us, stamp);
    delay = element_add(stanza->root, NS_DELAY, "delay");
    element_set(delay, "from", stanza->from.domain);
    element_set(delay, "stamp", stamp);
}

/* False: nothing more can be offered now. */
static bool offer(struct outbox *outbox, struct parcel *parcel)
{
    FAULT_POINT(before_notice);
    struct list *list = parcel->list;
    int error;

    add_delay(outbox, parcel);
    FOLLOW(parcel->stanza->root, "outbox: offer %s to %s, attempt %u", parcel->id, list->theirs,
           parcel->attempt + 1);
    error = words_offer(outbox->sm, parcel->id, parcel->attempt + 1, predecessor(parcel),
                        parcel->stanza);
    if (error == ERR_NOT_FOUND) {
        list->moved = true;
        timer_start(outbox->timer, 0, OUTBOX_TICK_MS);
        return false;
    }
    if (error) {
        list->due_ms = UINT64_MAX;
        return false;
    }
    FAULT_POINT_WRITTEN(notice_sent);
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
    return head && head->offered && head->offered_ms + OUTBOX_TICK_MS <= now ? WINDOW : 1;
}

void outbox_flow(struct outbox *outbox, struct list *list)
{
    uint64_t now = clock_monotonic_ms();
    size_t window = window_of(list, now);
    struct parcel *parcel;

    if (now < list->due_ms)
        return;
    if (list->unplaced) {
        outbox_place(outbox, list);
        return;
    }
    if (list->moved)
        outbox_relist(outbox, list);
    DL_FOREACH (list->parcels, parcel) {
        if (window-- == 0 || (!parcel->offered && !offer(outbox, parcel)))
            return;
    }
}

/* --- answers --- */

/* Whoever took it may forget it once the row is gone: until then it may be offered again. */
static void forget(struct outbox *outbox, const struct parcel *parcel, const struct durable *answer)
{
    const struct durable words = {
        .kind = DURABLE_FORGET, .id = answer->id, .from = answer->to, .to = answer->from};

    if (parcel)
        outbox_rows_done(outbox->rows, &parcel->row, &words);
    else if (!outbox_rows_may_have(outbox->rows, answer->to.bare, answer->id))
        words_say(outbox->sm, &words);
}

static void taken(struct outbox *outbox, struct parcel *parcel)
{
    struct list *list = parcel->list;

    list->failures = 0;
    list->due_ms = 0;
    FOLLOW(parcel->stanza->root, "outbox: offer %s taken", parcel->id);
    outbox_remove(outbox, parcel);
    outbox_flow(outbox, list);
    outbox_release_list(outbox, list);
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

/* What was before it has been lost. */
static void go_back(struct list *list, const struct parcel *parcel)
{
    struct parcel *before;

    for (before = list->parcels; before != parcel; before = before->next)
        before->offered = false;
    if (list->failures == 0)
        list->due_ms = clock_monotonic_ms() + ORDER_MS;
}

/* It is no account of that home, or not any more. */
static void moved(struct outbox *outbox, const struct parcel *parcel)
{
    directory_forget(outbox->sm->worker, &parcel->stanza->to);
    parcel->list->moved = parcel->list->away;
}

static void refused_for_now(struct outbox *outbox, struct parcel *parcel,
                            const struct durable *refused)
{
    struct list *list = parcel->list;

    FOLLOW(parcel->stanza->root, "outbox: offer %s refused for now: %s", parcel->id,
           stanza_condition_name(refused->reason));
    parcel->offered = false;
    if (refused->reason == STANZA_GONE)
        moved(outbox, parcel);
    if (refused->reason == STANZA_UNEXPECTED_REQUEST)
        go_back(list, parcel);
    else
        back_off(list, refused);
    timer_start(outbox->timer, ORDER_MS, OUTBOX_TICK_MS);
}

static void refused_for_good(struct outbox *outbox, struct parcel *parcel,
                             const struct durable *refused)
{
    struct list *list = parcel->list;

    outbox_end(outbox, parcel, refused->reason, refused->type, refused->text);
    outbox_flow(outbox, list);
    outbox_release_list(outbox, list);
}

/* For an account of another home its node answers, and nodes for nothing else. */
static bool may_answer(const struct sm *sm, const struct list *list, const struct durable *answer)
{
    const char *domain = answer->from.domain;

    if (!domain)
        return answer->kind == DURABLE_REFUSED;
    if (list->away)
        return strcmp(domain, list->theirs) == 0;
    return strcmp(domain, worker_host(sm->worker)) == 0 || !node_is_host(sm->worker, domain);
}

/* A router that has just started does not know the other nodes yet; the directory does. */
static bool is_for_now(const struct list *list, const struct durable *refused)
{
    return strcmp(refused->type, "wait") == 0 ||
           (list->away && refused->reason == STANZA_REMOTE_SERVER_NOT_FOUND);
}

/* What a process before this one, or the worker that had the slot, has only passed on is offered
 * again by whoever has it, and must not be forgotten until then. */
static bool is_of_outbox(const struct sm *sm, const char *id)
{
    struct arena *arena = arena_new();
    struct jid jid;
    bool is = jid_parse(arena, arena_strndup(arena, id, strcspn(id, "/")), &jid) == 0 &&
              (sm_is_ours(sm, &jid) || service_is_here(sm, &jid));

    arena_free(arena);
    return is;
}

void outbox_answered(struct sm *sm, const struct durable *answer)
{
    struct outbox *outbox = sm->outbox;
    struct parcel *parcel = outbox_find(outbox, answer->id);

    if (parcel && !may_answer(sm, parcel->list, answer)) {
        log_warn("outbox_answer_forged", LOG_TEXT("id", answer->id),
                 LOG_TEXT("from", answer->from.full));
        return;
    }
    if (answer->kind == DURABLE_TOOK && (parcel || is_of_outbox(sm, answer->id))) {
        FAULT_POINT(s2s_acked_before_delete);
        forget(outbox, parcel, answer);
    }
    if (!parcel)
        return;
    if (answer->kind == DURABLE_TOOK)
        taken(outbox, parcel);
    else if (is_for_now(parcel->list, answer))
        refused_for_now(outbox, parcel, answer);
    else
        refused_for_good(outbox, parcel, answer);
}

void outbox_full(struct sm *sm, const char *id)
{
    struct parcel *parcel = outbox_find(sm->outbox, id);

    if (!parcel)
        return;
    parcel->offered = false;
    parcel->list->due_ms = UINT64_MAX; /* until <ready/> */
}

/* --- whose home is looked up --- */

struct placing {
    char *key; /* of the list, which may go meanwhile */
};

static void on_place(struct sm *sm, const struct directory_place *place, void *user)
{
    struct placing *placing = user;
    struct outbox *outbox = sm->outbox;
    struct list *list = NULL;

    if (outbox)
        HASH_FIND_STR(outbox->lists, placing->key, list);
    if (list && place->answer == DIRECTORY_UNKNOWN)
        list->due_ms =
            clock_monotonic_ms() + backoff_ms(list->failures++, BACK_OFF_MIN, BACK_OFF_MAX);
    else if (list)
        outbox_relist(outbox, list);
    free(placing->key);
    free(placing);
}

void outbox_place(struct outbox *outbox, struct list *list)
{
    struct placing *placing;

    if (!list->parcels)
        return;
    placing = xcalloc(1, sizeof(*placing));
    placing->key = xstrdup(list->key);
    list->due_ms = UINT64_MAX;
    places_ask(outbox->sm, &list->parcels->stanza->to, on_place, placing);
}

/* --- when it is offered again --- */

/* Whoever had it is not there any more. */
void outbox_start_over(struct list *list)
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
            outbox_start_over(list);
        else if (list->due_ms == UINT64_MAX)
            list->due_ms = 0;
        outbox_flow(sm->outbox, list);
    }
}
