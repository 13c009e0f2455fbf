/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts in memory: the table, references, and the queue of jobs of each.
 */
#include "c2s/sm/account.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/slots.h"
#include "c2s/sm/core.h"
#include "c2s/sm/services.h"
#include "c2s/sm/store.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"

/* What waits for one account, beside what its own clients send (they are paused earlier). */
#define JOBS_MAX 1000
/* Jobs of one account in a row; then it is the turn of the others. */
#define JOBS_TURN 16

/* Messages of one account that are being stored at the same time. */
#define APPENDS_MAX      256
#define APPEND_BYTES_MAX (1024 * 1024)

/* How long an account without sessions stays in memory, and for how long an address is known not
 * to be an account. */
#define IDLE_MS   60000
#define ABSENT_MS 10000

struct job {
    account_job *run;
    struct session *session;
    struct stanza *stanza;
    int problem;
    struct settle_ticket *ticket;
    bool overlaps;
    struct post *post; /* instead of all that */
    struct job *prev, *next;
};

static const char *const state_names[] = {
    [ACCOUNT_LOADING] = "loading", [ACCOUNT_READY] = "ready",     [ACCOUNT_ABSENT] = "absent",
    [ACCOUNT_FAILED] = "failed",   [ACCOUNT_DROPPED] = "dropped",
};

static void enter(struct account *account, enum account_state state)
{
    log_debug("account_state", LOG_TEXT("account", account->jid->bare),
              LOG_TEXT("from", state_names[account->state]), LOG_TEXT("to", state_names[state]));
    account->state = state;
}

static void account_free(struct account *account)
{
    struct sm *sm = account->sm;

    account_forget(account);
    free(account->invitation);
    free(account->jid);
    free(account);
    sm->accounts_alive--;
    sm_stop_if_done(sm);
}

static struct account *account_new(struct sm *sm, const struct jid *jid)
{
    struct account *account = xcalloc(1, sizeof(*account));

    account->sm = sm;
    account->jid = jid_dup_with_resource(jid, NULL);
    account->slot = slot_of(account->jid->bare);
    account->state = ACCOUNT_FAILED;
    account->idle_since_ms = clock_monotonic_ms();
    HASH_ADD_KEYPTR(hh, sm->accounts, account->jid->bare, strlen(account->jid->bare), account);
    sm->accounts_alive++;
    return account;
}

struct account *account_lookup(struct sm *sm, const char *bare)
{
    struct account *account;

    HASH_FIND_STR(sm->accounts, bare, account);
    return account;
}

struct account *account_get(struct sm *sm, const struct jid *jid)
{
    struct account *account = account_lookup(sm, jid->bare);

    return account ? account : account_new(sm, jid);
}

struct account *account_find(struct sm *sm, const char *bare)
{
    struct account *account = account_lookup(sm, bare);

    return account && account->state == ACCOUNT_READY ? account : NULL;
}

void account_ref(struct account *account)
{
    account->references++;
}

void account_unref(struct account *account)
{
    account->references--;
    if (account->references > 0) {
        return;
    }
    account->idle_since_ms = clock_monotonic_ms();
    if (account->state == ACCOUNT_DROPPED) {
        account_free(account);
    }
}

struct session *account_session(const struct account *account, const char *resource)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session_connected(session) && strcmp(session->jid->resource, resource) == 0) {
            return session;
        }
    }
    return NULL;
}

static void run_first(struct account *account)
{
    struct job *job = account->jobs;

    DL_DELETE(account->jobs, job);
    account->jobs_count--;
    account->ticket = job->ticket;
    if (job->post) {
        job->post->run(account, job->post);
    } else {
        job->run(account, job->session, job->stanza, job->problem);
    }
    account->ticket = NULL;
    settle_release(job->ticket);
    if (job->session) {
        session_job_done(job->session);
    }
    stanza_unref(job->stanza);
    free(job);
}

static bool may_overlap(const struct account *account)
{
    return account->jobs->overlaps && account->appends < APPENDS_MAX &&
           account->append_bytes < APPEND_BYTES_MAX;
}

static bool may_run(const struct account *account)
{
    return account->jobs && account->holds == 0 && account->state != ACCOUNT_LOADING &&
           (account->appends == 0 || may_overlap(account));
}

static void run_turn(void *user);

static void schedule(struct account *account)
{
    struct sm *sm = account->sm;

    if (account->scheduled || !may_run(account)) {
        return;
    }
    account->scheduled = true;
    account_ref(account);
    DL_APPEND(sm->runnable, account);
    if (!sm->task) {
        sm->task = loop_defer(sm->loop, run_turn, sm);
    }
}

static void run_some(struct account *account)
{
    for (int i = 0; i < JOBS_TURN && may_run(account); i++) {
        run_first(account);
    }
}

/* One turn for each account that has something to do now; what that brings up is for the next. */
static void run_turn(void *user)
{
    struct sm *sm = user;
    struct account *runnable = sm->runnable;

    sm->task = NULL;
    sm->runnable = NULL;
    while (runnable) {
        struct account *account = runnable;

        DL_DELETE(runnable, account);
        account->scheduled = false;
        run_some(account);
        schedule(account);
        account_unref(account);
    }
}

static void append_take(struct account *account, struct job *job)
{
    DL_APPEND(account->jobs, job);
    account->jobs_count++;
    if (account->state == ACCOUNT_FAILED && account->jobs_count == 1) {
        enter(account, ACCOUNT_LOADING);
        account_load(account);
    }
    schedule(account);
}

static struct job *job_new(account_job *run, struct session *session, struct stanza *stanza,
                           int problem)
{
    struct job *job = xcalloc(1, sizeof(*job));

    job->run = run;
    job->session = session;
    job->stanza = stanza ? stanza_ref(stanza) : NULL;
    job->problem = problem;
    return job;
}

/* The ticket is the job's from now on. */
static void append(struct account *account, account_job *run, struct session *session,
                   struct stanza *stanza, int problem, struct settle_ticket *ticket)
{
    struct job *job = job_new(run, session, stanza, problem);

    job->ticket = ticket;
    job->overlaps = stanza && services_keep(account->sm, stanza);
    append_take(account, job);
}

int account_queue_behind(struct account *account, account_job *job, struct stanza *stanza)
{
    if (account->jobs_count >= JOBS_MAX) {
        return ERR_LIMIT;
    }
    append_take(account, job_new(job, NULL, stanza, -1));
    return 0;
}

int account_queue(struct account *account, account_job *job, struct stanza *stanza)
{
    if (account->jobs_count >= JOBS_MAX) {
        return ERR_LIMIT;
    }
    append(account, job, NULL, stanza, -1, NULL);
    return 0;
}

void account_queue_post_last(struct account *account, struct post *post)
{
    struct job *job = xcalloc(1, sizeof(*job));

    job->post = post;
    job->overlaps = true;
    append_take(account, job);
}

int account_queue_post(struct account *account, struct post *post)
{
    if (account->jobs_count >= JOBS_MAX) {
        return ERR_LIMIT;
    }
    account_queue_post_last(account, post);
    return 0;
}

void session_queue(struct session *session, account_job *job, struct stanza *stanza, int problem)
{
    session_job_queued(session);
    append(session->account, job, session, stanza, problem, NULL);
}

void session_queue_counted(struct session *session, account_job *job, struct stanza *stanza,
                           int problem)
{
    session_job_queued(session);
    append(session->account, job, session, stanza, problem, session_count(session));
}

void account_loaded(struct account *account, enum account_state state)
{
    if (account->state == ACCOUNT_DROPPED) {
        return;
    }
    enter(account, state);
    schedule(account);
}

void account_hold(struct account *account)
{
    account->holds++;
    account_ref(account);
}

void account_release(struct account *account)
{
    account->holds--;
    schedule(account);
    account_unref(account);
}

void account_append(struct account *account, size_t bytes)
{
    account->appends++;
    account->append_bytes += bytes;
    account_ref(account);
}

void account_appended(struct account *account, size_t bytes)
{
    account->appends--;
    account->append_bytes -= bytes;
    schedule(account);
    account_unref(account);
}

/* Who can come back to another worker, or to this one when it has started again, is not gone. */
static void end_session(struct session *session, enum stream_condition condition)
{
    bool stays = condition == STREAM_SYSTEM_SHUTDOWN || condition == STREAM_RESET;

    if (!stays || !session_leave(session, condition)) {
        session_kick(session, condition, NULL);
    }
}

void account_drop(struct account *account, enum stream_condition condition)
{
    struct session *session, *next;

    account_ref(account);
    DL_FOREACH_SAFE (account->sessions, session, next) {
        end_session(session, condition);
    }
    if (account->state != ACCOUNT_DROPPED) {
        HASH_DEL(account->sm->accounts, account);
        enter(account, ACCOUNT_DROPPED);
    }
    schedule(account);
    account_unref(account);
}

static bool expired(const struct account *account, uint64_t now)
{
    uint64_t keep = account->state == ACCOUNT_READY ? IDLE_MS : ABSENT_MS;

    return account->references == 0 && !account->jobs && account->idle_since_ms + keep <= now;
}

void accounts_sweep(struct sm *sm)
{
    uint64_t now = clock_monotonic_ms();
    struct account *account, *next;

    HASH_ITER (hh, sm->accounts, account, next) {
        if (expired(account, now)) {
            account_drop(account, STREAM_RESET);
        }
    }
}

void accounts_forget_absent(struct sm *sm)
{
    struct account *account, *next;

    HASH_ITER (hh, sm->accounts, account, next) {
        if (account->state == ACCOUNT_ABSENT) {
            account_drop(account, STREAM_RESET);
        }
    }
}
