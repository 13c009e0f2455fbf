/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Push Notifications: who is woken, and what becomes of a notification. They are sent from the bare
 * JID of the account, so that the answer finds the worker that serves it. One is on its way to a
 * service at a time; what comes meanwhile is told by the next. A service that cannot be reached is
 * tried again a few times, later and later; then the next message tries anew.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/content.h"
#include "c2s/sm/csi.h"
#include "c2s/sm/push.h"
#include "c2s/sm/smacks.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/utf8.h"
#include "common/config/config.h"
#include "common/service/follow.h"
#include "common/tls/crypto.h"
#include "common/xmpp/form.h"

#define NS_PUBSUB    "http://jabber.org/protocol/pubsub"
#define SUMMARY_FORM "urn:xmpp:push:summary"

#define TICK_MS      1000
#define ANSWER_MS    60000
#define RETRY_MAX_MS (60 * 60 * 1000)
#define TRIES        5
/* Of all accounts of this worker: notifications that are out or wait to be tried again. */
#define BUSY_MAX 20000
/* Of a body, where it is told. */
#define BODY_MAX 1024

struct push_state {
    struct timer *timer;
    struct push *busy;
    size_t count;
};

/* --- what is told --- */

static bool tells(const struct sm *sm, const char *what)
{
    return config_list_has(worker_config(sm->worker), "sm", NULL, "push-summary", what);
}

/* Not in the middle of a character. */
static const char *shorten(struct arena *arena, const char *text)
{
    size_t length = utf8_cut(text, BODY_MAX);

    return text[length] ? arena_strndup(arena, text, length) : text;
}

static void add_summary(struct element *notification, const struct push *push)
{
    const struct sm *sm = push->account->sm;
    const struct element *message = push->message->root;
    const char *body = element_child_text(message, NS_CLIENT, "body");
    struct arena *arena = notification->arena;

    if (config_list_size(worker_config(sm->worker), "sm", NULL, "push-summary") == 0)
        return;
    struct element *form = form_add(notification, "result", SUMMARY_FORM);
    if (tells(sm, "message-count"))
        form_add_field(form, "message-count", "text-single",
                       arena_printf(arena, "%zu", push->count));
    if (tells(sm, "last-message-sender"))
        form_add_field(form, "last-message-sender", "jid-single", element_get(message, "from"));
    if (tells(sm, "last-message-body") && body)
        form_add_field(form, "last-message-body", "text-single", shorten(arena, body));
}

static void add_options(struct element *pubsub, const struct push *push)
{
    struct element *form = push->options ? sm_parse(push->account->sm, push->options) : NULL;

    if (!form)
        return;
    element_add_copy(element_add(pubsub, NS_PUBSUB, "publish-options"), form);
    arena_free(form->arena);
}

static struct stanza *make_notification(const struct push *push)
{
    struct stanza *iq = stanza_new(STANZA_IQ, IQ_SET);
    struct element *pubsub = element_add(iq->root, NS_PUBSUB, "pubsub");
    struct element *publish = element_add(pubsub, NS_PUBSUB, "publish");
    struct element *item = element_add(publish, NS_PUBSUB, "item");

    element_set(iq->root, "id", push->id);
    stanza_set_from(iq, push->account->jid);
    stanza_set_to(iq, push->service);
    element_set(publish, "node", push->node[0] ? push->node : NULL);
    add_summary(element_add(item, NS_PUSH, "notification"), push);
    add_options(pubsub, push);
    return iq;
}

/* --- on its way --- */

static void work(struct push *push)
{
    struct push_state *state = push->account->sm->push;

    if (push->busy)
        return;
    push->busy = true;
    DL_APPEND2(state->busy, push, busy_prev, busy_next);
    if (state->count++ == 0)
        timer_start(state->timer, TICK_MS, TICK_MS);
}

static void rest(struct push *push)
{
    struct push_state *state = push->account->sm->push;

    free(push->id);
    push->id = NULL;
    push->again = false;
    stanza_unref(push->message);
    push->message = NULL;
    if (!push->busy)
        return;
    push->busy = false;
    DL_DELETE2(state->busy, push, busy_prev, busy_next);
    if (--state->count == 0)
        timer_stop(state->timer);
}

void push_forget(struct push *push)
{
    rest(push);
}

static void publish(struct push *push)
{
    char id[2 * 8 + 1];

    crypto_random_hex(id, 8);
    push->id = xasprintf("push-%s", id);
    push->again = false;
    push->due_ms = clock_monotonic_ms() + ANSWER_MS;
    work(push);
    sm_route_take(push->account->sm, make_notification(push));
}

static void failed(struct push *push, const char *reason)
{
    uint64_t base_ms = push->account->sm->limits.push_retry_ms;

    free(push->id);
    push->id = NULL;
    push->due_ms = clock_monotonic_ms() + backoff_ms(push->failures, base_ms, RETRY_MAX_MS);
    push->failures++;
    push->again = true;
    log_debug("push_failed", LOG_TEXT("account", push->account->jid->bare),
              LOG_TEXT("service", push->service->full), LOG_TEXT("reason", reason),
              LOG_INT("failures", push->failures));
    if (push->failures % TRIES == 0)
        rest(push);
}

/* The session of the device that has enabled it. */
static struct session *session_of(const struct push *push)
{
    return account_session(push->account, push->device);
}

static bool is_looked_at(const struct session *session)
{
    return session && session->client && !session->csi;
}

/* Back from an answer or a wait. */
static void go_on(struct push *push)
{
    if (!push->again || is_looked_at(session_of(push)))
        rest(push);
    else if (push->due_ms <= clock_monotonic_ms())
        publish(push);
}

static void look_after(struct push *push)
{
    struct account *account = push->account;

    /* It stays in memory as long as there is something to do, but nobody waits for that. */
    account_ref(account);
    if (account->state == ACCOUNT_DROPPED)
        rest(push);
    else if (push->id && push->due_ms <= clock_monotonic_ms())
        failed(push, "no answer");
    else if (!push->id)
        go_on(push);
    account_unref(account);
}

static void on_tick(void *user)
{
    struct sm *sm = user;
    struct push *push = sm->push->busy;

    while (push) {
        struct push *next = push->busy_next;

        look_after(push);
        push = next;
    }
}

static void wake(struct push *push, struct stanza *message)
{
    const struct push_state *state = push->account->sm->push;

    if (!push->busy && state->count >= BUSY_MAX) {
        log_warn("push_overrun", LOG_INT("busy", state->count));
        return;
    }
    stanza_unref(push->message);
    push->message = stanza_ref(message);
    push->again = true;
    if (push->id)
        return;
    if (push->due_ms <= clock_monotonic_ms())
        publish(push);
    else
        work(push);
}

/* --- who is woken --- */

/* A device without any session gets later only what is stored. */
static void consider(struct push *push, struct stanza *message, int64_t seq)
{
    const struct session *session = session_of(push);

    if (is_looked_at(session)) {
        push->count = 0;
        push->shown = seq;
    } else if (session || seq > 0) {
        push->count++;
        FOLLOW(message->root, "push to %s", push->service->full);
        wake(push, message);
    }
}

/* A room sends each session its own. */
static bool is_for(const struct push *push, const struct stanza *message)
{
    return message->type != MESSAGE_GROUPCHAT ||
           (message->to.resource && strcmp(message->to.resource, push->device) == 0);
}

void push_message(struct account *account, struct stanza *message, int64_t seq)
{
    struct push *push, *next;

    if (!account->pushes || message->kind != STANZA_MESSAGE ||
        (message->has_from && jid_bare_equal(&message->from, account->jid)) ||
        !content_wakes(message))
        return;
    DL_FOREACH_SAFE (account->pushes, push, next) {
        if (is_for(push, message))
            consider(push, message, seq);
    }
}

/* What the device was sent last may be lost on the way: it was taken for one that is there. */
static void wake_for_shown(struct push *push)
{
    struct stanza *nothing = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);

    push->shown = 0;
    push->count++;
    wake(push, nothing);
    stanza_unref(nothing);
}

static bool is_of(const struct push *push, const struct session *session)
{
    return session->jid && strcmp(push->device, session->jid->resource) == 0;
}

void push_session_waits(struct session *session)
{
    struct push *push;

    DL_FOREACH (session->account->pushes, push) {
        if (is_of(push, session) && push->shown > session->smacks->cursor)
            wake_for_shown(push);
    }
}

void push_unacknowledged(struct session *session, const int64_t *seqs, size_t count)
{
    struct push *push;

    DL_FOREACH (session->account->pushes, push) {
        for (size_t i = 0; is_of(push, session) && i < count; i++) {
            if (seqs[i] == push->shown && push->shown > 0)
                wake_for_shown(push);
        }
    }
}

void push_session_seen(struct session *session)
{
    struct push *push;

    DL_FOREACH (session->account->pushes, push) {
        if (is_of(push, session))
            push->count = 0;
    }
}

/* --- answers --- */

/* What may be otherwise later; anything else says that the service does not want it (§7.1). */
static bool may_pass(const struct stanza *answer)
{
    static const char *const conditions[] = {"remote-server-not-found", "remote-server-timeout",
                                             "internal-server-error", "resource-constraint"};
    const struct element *error = element_find(answer->root, NS_CLIENT, "error");
    const char *type = error ? element_get(error, "type") : NULL;

    if (!error || (type && strcmp(type, "wait") == 0))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        if (element_find(error, NS_STANZA_ERRORS, conditions[i]))
            return true;
    }
    return false;
}

static struct push *find_out(const struct account *account, const struct stanza *answer)
{
    const char *id = stanza_id(answer);
    struct push *push;

    DL_FOREACH (account->pushes, push) {
        if (push->id && id && strcmp(push->id, id) == 0 && jid_equal(push->service, &answer->from))
            return push;
    }
    return NULL;
}

static void refused(struct push *push, const struct stanza *answer)
{
    const struct element *error = element_find(answer->root, NS_CLIENT, "error");
    const struct element *condition = element_find(error, NS_STANZA_ERRORS, NULL);

    log_info("push_disabled", LOG_TEXT("account", push->account->jid->bare),
             LOG_TEXT("service", push->service->full),
             LOG_TEXT("reason", condition ? condition->name : "an error"));
    push_drop(push);
}

bool push_answered(struct account *account, const struct stanza *answer)
{
    struct push *push = find_out(account, answer);

    if (!push)
        return false;
    if (answer->type == IQ_RESULT) {
        free(push->id);
        push->id = NULL;
        push->failures = 0;
        push->due_ms = 0;
        go_on(push);
    } else if (may_pass(answer)) {
        failed(push, "an error for now");
    } else {
        refused(push, answer);
    }
    return true;
}

void push_wake_start(struct sm *sm)
{
    sm->push = xcalloc(1, sizeof(*sm->push));
    sm->push->timer = timer_new(sm->loop, on_tick, sm);
}

void push_wake_stop(struct sm *sm)
{
    timer_close(sm->push->timer);
    free(sm->push);
}
