/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Questions of administration on their way to whoever can answer.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/account_work.h"
#include "c2s/sm/admin.h"
#include "c2s/sm/places.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/tls/crypto.h"

#define ANSWER_MS 20000
#define TICK_MS   1000

struct call {
    char *id;
    struct sm *sm;
    struct element *question; /* until it is sent */
    struct jid *to;
    uint64_t due_ms;
    admin_answered *answered;
    void *user;
    struct call *prev, *next; /* calls->open */
};

struct admin_calls {
    struct call *open;
    struct timer *timer;
};

struct element *admin_call_begin(const char *name, const char *what)
{
    struct element *question = element_new(arena_new(), NS_ADMIN, name);

    element_set(question, "do", what);
    return question;
}

static void call_end(struct call *call, const struct element *answer, const char *problem)
{
    DL_DELETE(call->sm->admin_calls->open, call);
    if (!call->sm->admin_calls->open)
        timer_stop(call->sm->admin_calls->timer);
    call->answered(call->sm, answer, problem, call->user);
    if (call->question)
        arena_free(call->question->arena);
    free(call->to);
    free(call->id);
    free(call);
}

static struct call *call_new(struct sm *sm, struct element *question, const struct jid *to,
                             admin_answered *answered, void *user)
{
    struct call *call = xcalloc(1, sizeof(*call));
    char id[2 * 8 + 1];

    crypto_random_hex(id, 8);
    call->id = xasprintf("admin-%s", id);
    call->sm = sm;
    call->question = question;
    call->to = jid_dup(to);
    call->due_ms = clock_monotonic_ms() + ANSWER_MS;
    call->answered = answered;
    call->user = user;
    if (!sm->admin_calls->open)
        timer_start(sm->admin_calls->timer, TICK_MS, TICK_MS);
    DL_APPEND(sm->admin_calls->open, call);
    return call;
}

static void send(struct call *call)
{
    struct sm *sm = call->sm;
    struct stanza *iq = stanza_new(STANZA_IQ, IQ_SET);
    struct jid self;

    element_set(iq->root, "id", call->id);
    if (jid_make(iq->arena, NULL, worker_host(sm->worker), worker_id(sm->worker), &self) == 0)
        stanza_set_from(iq, &self);
    stanza_set_to(iq, call->to);
    element_add_copy(iq->root, call->question);
    arena_free(call->question->arena);
    call->question = NULL;
    sm_route_take(sm, iq);
}

void admin_call_worker(struct sm *sm, struct element *question, const char *worker,
                       admin_answered *answered, void *user)
{
    struct jid to;

    if (jid_make(question->arena, NULL, worker_host(sm->worker), worker, &to) < 0)
        to = (struct jid){0};
    send(call_new(sm, question, &to, answered, user));
}

static const char *problem_of(const struct directory_place *place, struct arena *arena)
{
    if (place->answer == DIRECTORY_ELSEWHERE)
        return arena_printf(arena, "its home is served by %s: ask there", place->host);
    if (place->answer == DIRECTORY_UNKNOWN)
        return "where its home is cannot be told now: try again later";
    return NULL;
}

static void on_place(struct sm *sm UNUSED, const struct directory_place *place, void *user)
{
    struct call *call = user;
    const char *problem = problem_of(place, call->question->arena);

    if (problem)
        call_end(call, NULL, problem);
    else
        send(call);
}

void admin_call_account(struct sm *sm, struct element *question, const struct jid *account,
                        admin_answered *answered, void *user)
{
    places_ask(sm, account, on_place, call_new(sm, question, account, answered, user));
}

struct work {
    enum account_change change;
    struct element *question; /* until it is sent */
    struct jid *account;
    void (*done)(void *user, const char *problem);
    void *user;
};

static void work_end(struct work *work, const char *problem)
{
    work->done(work->user, problem);
    free(work->account);
    free(work);
}

static void on_worked(struct sm *sm UNUSED, const struct element *answer, const char *problem,
                      void *user)
{
    work_end(user, answer ? element_get(answer, "problem") : problem);
}

/* Who has another home has an account. */
static void on_work_place(struct sm *sm, const struct directory_place *place, void *user)
{
    struct work *work = user;

    if (work->change == ACCOUNT_ADD && place->answer == DIRECTORY_ELSEWHERE) {
        arena_free(work->question->arena);
        work_end(work, account_work_problem(ERR_EXISTS));
        return;
    }
    admin_call_account(sm, work->question, work->account, on_worked, work);
}

void admin_work(struct sm *sm, enum account_change change, const struct jid *account,
                const char *password, void (*done)(void *user, const char *problem), void *user)
{
    struct work *work = xcalloc(1, sizeof(*work));

    work->change = change;
    work->question = admin_call_begin("account", change == ACCOUNT_ADD ? "add" : "passwd");
    element_set(work->question, "password", password);
    work->account = jid_dup(account);
    work->done = done;
    work->user = user;
    places_ask(sm, account, on_work_place, work);
}

static void on_tick(void *user)
{
    struct sm *sm = user;
    struct call *call, *next;
    uint64_t now = clock_monotonic_ms();

    DL_FOREACH_SAFE (sm->admin_calls->open, call, next) {
        if ((call->due_ms <= now || sm->stopped) && !call->question)
            call_end(call, NULL, "there was no answer");
    }
}

bool admin_call_reply(struct sm *sm, const struct stanza *stanza)
{
    const struct element *answer = stanza_payload(stanza);
    const char *id = stanza_id(stanza);
    struct call *call;

    if (!admin_is_ours(sm, stanza) && !stanza->from.local)
        return false;
    DL_FOREACH (sm->admin_calls->open, call) {
        if (id && strcmp(call->id, id) == 0 && jid_equal(call->to, &stanza->from)) {
            if (stanza->type == IQ_RESULT && answer)
                call_end(call, answer, NULL);
            else
                call_end(call, NULL, "it cannot be done now: try again later");
            return true;
        }
    }
    return false;
}

void admin_calls_start(struct sm *sm)
{
    sm->admin_calls = xcalloc(1, sizeof(*sm->admin_calls));
    sm->admin_calls->timer = timer_new(sm->loop, on_tick, sm);
}

/* Whoever waits is gone with his session. */
void admin_calls_stop(struct sm *sm)
{
    struct call *call, *next;

    DL_FOREACH_SAFE (sm->admin_calls->open, call, next) {
        call_end(call, NULL, "the worker stops");
    }
    timer_close(sm->admin_calls->timer);
    free(sm->admin_calls);
}
