/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stream management (XEP-0198, docs/rules/smacks.md) of one session, from <enable/> on.
 *
 * smacks.c         <enable/>, what is announced, the end
 * smacks_ack.c     acknowledgements in both directions
 * smacks_resume.c  sessions that wait for their client, <resume/>
 * smacks_row.c     the table `session`: what a session is after its worker has died
 */
#pragma once

#include "c2s/sm/settle.h"
#include "c2s/sm/sm.h"
#include "c2s/sm/unacked.h"

#define SMACKS_ID_BYTES     8  /* names the row */
#define SMACKS_SECRET_BYTES 24 /* of the SM-ID; the row has only its hash */
#define SMACKS_HASH_SIZE    32

struct smacks {
    struct session *session;
    bool enabled; /* <enabled/> has been written: what is sent counts */

    /* Resumption. */
    bool wanted; /* by the client */
    bool resumable;
    uint64_t resume_ms; /* how long it waits for its client */
    char row_id[2 * SMACKS_ID_BYTES + 1];
    uint8_t hash[SMACKS_HASH_SIZE]; /* of the SM-ID */
    bool restored;                  /* from its row: what was sent before is not known here */
    uint64_t taken_us;              /* when a client resumed it last (monotonic) */
    int64_t expires_us;             /* wall time, while it waits; else 0 */
    bool expired;                   /* its time is over */
    struct timer *expiry;

    /* What the client sends. Nothing is acknowledged that the row does not know: h must not fall
     * when the worker dies. */
    struct settle in;
    uint32_t h_row;  /* what the row says */
    bool row_busy;   /* it is being written */
    bool row_stale;  /* something else that it tells has changed */
    bool row_listed; /* it is going to be written */
    struct smacks *row_prev, *row_next;
    bool owes_a;         /* <r/> was not answered yet */
    bool owes_rest;      /* it was, with less than had been sent */
    bool overdue;        /* it is answered with what is settled now */
    uint32_t told;       /* our last h */
    struct timer *timer; /* of the answer */

    /* What it is sent. */
    struct unacked out;
    int64_t cursor;      /* the last stored message that it acknowledged */
    uint32_t held_until; /* h of the client with which settle_hold() ends */
    bool asking;         /* <r/> is out */
    uint32_t asked;      /* what had been sent then */
    uint32_t quiet;      /* sent since then, that can wait */
    bool worth;          /* something was sent since then that cannot */
    bool full;           /* who stopped because of that is told */
    struct loop_task *turn;
};

extern const struct sm_module smacks_module;

/* Elements (plugin.c). */
void smacks_on_enable(void *state, struct client *client, void *session, struct element *element);
void smacks_on_resume(void *state, struct client *client, void *session, struct element *element);
void smacks_on_r(void *state, struct client *client, void *session, struct element *element);
void smacks_on_a(void *state, struct client *client, void *session, struct element *element);
void smacks_refuse(void *state, struct client *client, struct element *element);
void smacks_fail(struct client *client, enum stanza_condition condition, const uint32_t *h);

/* smacks_ack.c. Writes the stanza to the client, if there is one, and keeps it. */
void smacks_send(struct session *session, struct stanza *stanza, int64_t seq);
/* Looks at the end of this turn of the loop whether there is something to say. */
void smacks_wake(struct smacks *smacks);
/* Asks for an acknowledgement now. */
void smacks_ask(struct smacks *smacks);
/* The client's h, from <a/> or <resume/>. ERR_LIMIT: it is too high; nothing has changed. */
MUST_CHECK int smacks_acknowledged(struct session *session, uint32_t h);
/* The lowest stored message that it was sent and has not acknowledged, or 0. */
int64_t smacks_first_stored(const struct session *session);
void smacks_too_high(struct client *client, const struct smacks *smacks, uint32_t h);
/* The number of the last stanza that it was sent; 0 if they do not count yet. */
uint32_t smacks_sent(const struct session *session);
/* The h that may be told: settled, and known to the row. */
uint32_t smacks_h(const struct smacks *smacks);

/* Whether what it was sent and has not acknowledged is as much as may be; it also waits. */
bool smacks_is_full(const struct session *session);
/* The client has taken most of what waited for it. */
void smacks_writable(struct session *session);

struct smacks *smacks_new(struct session *session);
/* As <enable/> says, for a session that is being begun: what its client may resume it by (to be
 * wiped and freed), once smacks_row_insert() has succeeded; NULL: it cannot be resumed. */
char *smacks_prepare(struct session *session, const struct element *enable);
/* <enabled/>; from now on what is sent counts. */
void smacks_add_enabled(struct element *parent, struct session *session, const char *id);
/* The session is not begun after all. */
void smacks_discard(struct session *session);

/* smacks_resume.c */
/* A request to resume (XEP-0388, XEP-0198 §9.2), before its job: what the old stream says from now
 * on is not taken any more. False: malformed. */
bool smacks_resume_prepare(struct session *request, const struct element *resume);
/* Inside the job of such a request: it ends in begin_resumed() or begin_not_resumed(). */
void smacks_resume_go(struct session *request);
void smacks_start_expiry(struct smacks *smacks);
/* The session leaves this worker: what the row needs is written. */
void smacks_leave(struct session *session);
/* The client is gone; false: the session does not wait for it. */
bool smacks_wait(struct session *session);
void smacks_resume_cancelled(struct sm *sm, struct client *client);
