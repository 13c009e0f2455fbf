/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An account of ours, while it is in memory. It is loaded when it is first needed (its row, then
 * what the modules keep of it) and let go some time after its last session. Addresses that are no
 * accounts are remembered for a moment in the same way (ACCOUNT_ABSENT).
 *
 * Everything that happens to an account is a job in its queue, and jobs run one after the other,
 * never inside the call that queued them. A job that has to wait for the database holds the account
 * (account_hold) until it has been answered: so order is never lost, and nobody sees a state
 * between two.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "c2s/sm/session.h"
#include "common/base/table.h"
#include "common/db/db.h"
#include "common/xmpp/stanza.h"

struct sm;
struct blocklist;
struct roster;

enum account_state {
    ACCOUNT_LOADING, /* jobs wait */
    ACCOUNT_READY,
    ACCOUNT_ABSENT, /* there is no such account, or it is disabled */
    ACCOUNT_FAILED, /* the database did not answer: jobs get errors, the next one loads again */
    ACCOUNT_DROPPED /* removed, or the slot was lost: out of the table, gone with its last user */
};
/* Legal: LOADING → READY | ABSENT | FAILED;  FAILED → LOADING;  any → DROPPED. */

struct account {
    struct sm *sm;
    struct jid *jid; /* bare */
    unsigned slot;
    enum account_state state;
    int64_t owner; /* key of all its rows; valid if READY */

    struct session *sessions; /* DL list in the order of binding; see ACCOUNT_SESSIONS */
    size_t sessions_count;

    /* One field a feature; only its own file looks inside. */
    struct roster *roster;
    struct blocklist *blocklist;

    /* Private to account.c. */
    unsigned references;
    unsigned holds;
    struct account_job *jobs;
    size_t jobs_count;
    bool scheduled;
    uint64_t idle_since_ms;
    struct account *prev, *next; /* sm->runnable */
    UT_hash_handle hh;           /* sm->accounts, by jid->bare */
};

/* All sessions, connected or not: ask session_connected() or session_available(). */
#define ACCOUNT_SESSIONS(session, account) DL_FOREACH ((account)->sessions, session)

/* Something to do for an account, in order. The account is READY, ABSENT, FAILED or DROPPED: a job
 * looks first. `stanza` and `session` are borrowed and may be NULL; the queue releases the stanza
 * after the job. */
typedef void account_job(struct account *account, struct session *session, struct stanza *stanza,
                         int problem);

/* The account of a bare JID, loading it if need be; never NULL. The caller has to queue a job or
 * take a reference before it returns to the loop. */
struct account *account_get(struct sm *sm, const struct jid *jid);
/* Only if it is in memory and READY. */
struct account *account_find(struct sm *sm, const char *bare);

/* Queues a job; takes a reference of the stanza. ERR_LIMIT: too many are waiting, and the caller
 * answers. Jobs of sessions and those without a stanza are always taken (clients are paused). */
MUST_CHECK int account_queue(struct account *account, account_job *job, struct session *session,
                             struct stanza *stanza, int problem);

/* Keeps the queue standing; calls nest. Holding implies a reference. */
void account_hold(struct account *account);
void account_release(struct account *account);
/* Keeps the memory. */
void account_ref(struct account *account);
void account_unref(struct account *account);

/* The session with this resource that is connected, or NULL. */
struct session *account_session(const struct account *account, const char *resource);
