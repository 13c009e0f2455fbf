/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An account of ours, while it is in memory. It is loaded when it is first needed (its row, then
 * what the modules keep of it) and let go some time after its last session. Addresses that are no
 * accounts are remembered for a moment in the same way (ACCOUNT_ABSENT).
 *
 * Everything that happens to an account is a job in its queue, and jobs run one after the other,
 * never inside the call that queued them. A job that has to wait for the database holds the account
 * (account_hold) until it has been answered: so order is never lost, and nobody sees a state
 * between two. Only messages that are kept (services_keep()) overlap: while some are being stored
 * (account_append) further ones may be, since their answers come in order; the next job of another
 * kind waits for all of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "c2s/sm/session.h"
#include "c2s/sm/settle.h"
#include "common/base/table.h"
#include "common/db/db.h"
#include "common/xmpp/stanza.h"

struct sm;
struct archive_prefs;
struct post;
struct blocklist;
struct contact;
struct pubsub;
struct carbons;
struct offline;
struct push;
struct rate;
struct roster;

enum account_state {
    ACCOUNT_LOADING, /* jobs wait */
    ACCOUNT_READY,
    ACCOUNT_ABSENT, /* there is no such account */
    ACCOUNT_FAILED, /* the database did not answer: jobs get errors, the next one loads again */
    ACCOUNT_DROPPED /* removed, or the slot was lost: out of the table, gone with its last user */
};
/* Legal: FAILED → LOADING → READY | ABSENT | FAILED;  READY → LOADING;  any → DROPPED. */

struct account {
    struct sm *sm;
    struct jid *jid; /* bare */
    unsigned slot;
    enum account_state state;
    int64_t owner; /* key of all its rows; valid if READY */
    int64_t seq;   /* the last number given to one of them: sm_next_seq() */

    struct session *sessions; /* DL list in the order of binding; see ACCOUNT_SESSIONS */
    size_t sessions_count;

    /* One field a feature; only its own file looks inside. */
    struct roster *roster;
    struct blocklist *blocklist;
    struct carbons *carbons;
    struct rate *archive_rate;
    struct archive_prefs *archive_prefs;
    struct offline *offline;
    struct push *pushes;
    struct pubsub *pubsub;
    struct contact *contacts;
    char *photo;
    char *invitation; /* by which it was made, until its inviter is a contact; else NULL */

    /* Private to unit.c. */
    int64_t seq_reserved; /* the database knows that numbers up to this may be in use */
    int64_t home_epoch;   /* of the home when it was loaded */

    /* Of the stanza whose job runs now, or whose unit was answered (settle.h); NULL: of none. */
    struct settle_ticket *ticket;

    unsigned outboxing; /* messages for the outbox that are being committed (store.c) */

    /* Private to account.c. */
    bool loaded;   /* the modules hold something */
    int64_t epoch; /* of the slot when it was loaded */
    unsigned references;
    unsigned holds;
    unsigned appends;
    size_t append_bytes;
    struct job *jobs;
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

/* The account with the bare JID of `jid`, never NULL. It is loaded when a job is queued. */
struct account *account_get(struct sm *sm, const struct jid *jid);
/* In whatever state, if it is in memory; else NULL. */
struct account *account_lookup(struct sm *sm, const char *bare);
/* Only if it is in memory and READY. */
struct account *account_find(struct sm *sm, const char *bare);

/* Queues a job for a stanza that arrived; takes a reference of it. ERR_LIMIT: too many are waiting,
 * and the caller answers. */
MUST_CHECK int account_queue(struct account *account, account_job *job, struct stanza *stanza);
/* Queues what is left to do for a message: post->run() (store.h). ERR_LIMIT as above. */
MUST_CHECK int account_queue_post(struct account *account, struct post *post);
/* A job that waits for all messages that are being stored, whatever its stanza is. ERR_LIMIT. */
MUST_CHECK int account_queue_behind(struct account *account, account_job *job,
                                    struct stanza *stanza);
/* Always. */
void account_queue_post_last(struct account *account, struct post *post);
/* Queues a job of a session, always: its client is paused when it has too many. stanza may be
 * NULL. */
void session_queue(struct session *session, account_job *job, struct stanza *stanza, int problem);
/* The same for a stanza that its client sent, which is counted (XEP-0198). */
void session_queue_counted(struct session *session, account_job *job, struct stanza *stanza,
                           int problem);

/* Keeps the queue standing; calls nest. Holding implies a reference. */
void account_hold(struct account *account);
void account_release(struct account *account);
/* A message of so many bytes is being stored, or has been. */
void account_append(struct account *account, size_t bytes);
void account_appended(struct account *account, size_t bytes);
/* Keeps the memory. */
void account_ref(struct account *account);
void account_unref(struct account *account);

/* The session with this resource that is connected, or NULL. */
struct session *account_session(const struct account *account, const char *resource);

/* For sm.c. Lets go of the accounts that have been idle. */
void accounts_sweep(struct sm *sm);
/* Addresses that were no accounts may be some now. */
void accounts_forget_absent(struct sm *sm);
/* Ends all sessions with this condition, and forgets the account: it is read anew when it is next
 * needed. Jobs that wait see ACCOUNT_DROPPED. */
void account_drop(struct account *account, enum stream_condition condition);
/* A write may or may not have taken effect: what is in memory is read anew before the next job.
 * Sessions stay. */
void account_distrust(struct account *account);
/* For account.c: reads the account and what the modules keep of it, and calls account_loaded();
 * lets the modules release what they keep. */
void account_load(struct account *account);
void account_loaded(struct account *account, enum account_state state);
void account_forget(struct account *account);
