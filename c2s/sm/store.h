/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Commit, then route (docs/DURABILITY.md): a message that is kept (content_is_kept()) is in the
 * tables before anything else happens with it.
 *
 *   outgoing_job ─► store_sent() ─┬─ recipient served here: its queue ─► delivery rules
 *                                 │      ─► store_received(): rows of both, one transaction
 *                                 │      ─► commit ─► delivery_stored()
 *                                 └─ else: the sender's row and the outbox's ─► commit ─► offer
 *   from the router ─► delivery rules ─► store_received(): the recipient's row ─► as above
 */
#pragma once

#include "c2s/sm/sm.h"

/* A message on its way into the tables. Whoever has it ends it, or hands it on. */
struct post {
    struct sm *sm;
    struct stanza *stanza; /* nobody else's: it may be changed once it is stored */
    /* Of the sender, if that is a client of this worker: errors go straight to it. Else NULL. */
    struct session *session;
    struct settle_ticket *ticket;
    bool tells_h;     /* its unit says how far the client's stanzas are settled (smacks_row.h), */
    size_t h_at;      /* … by its statement of this number */
    bool outboxed;    /* it goes on by the outbox, whose row is written with the sender's */
    char *offer;      /* it was offered under this id (taker.h), or NULL */
    bool again;       /* … and has to be offered again */
    int64_t sent_seq; /* its number in the sender's archive; 0: none */
    /* Of the recipient. */
    int64_t seq;
    const char *resource; /* of a session it is for alone, or NULL */
    size_t size;
    int refusal; /* a condition its sender is told once it is stored, or -1 */
    /* What is to be done next, as a job of an account. */
    void (*run)(struct account *account, struct post *post);
};

/* In the job of its sender: consumes nothing, keeps a reference. */
void store_sent(struct session *session, struct stanza *message);

/* In the job of the recipient, which is READY. `post` is NULL for what came from the router.
 * resource: see above; must live as long as the stanza. */
void store_received(struct account *account, struct stanza *message, struct post *post,
                    const char *resource);
/* The same for a message that somebody else answers for until it is committed: in the job of the
 * recipient. */
void store_offered(struct account *account, struct stanza *message, const char *offer);
/* The recipient does not take it: only the sender's row is written, and then its client told why,
 * unless refusal is -1. */
void store_refused(struct post *post, int refusal);
/* The recipient's hooks have answered it. */
void store_answered(struct post *post);
/* It is not stored at all: its sender is told. */
void store_failed(struct post *post, enum stanza_condition condition);

/* For so long nothing could be stored of this account that it makes no sense to wait with more. */
bool store_stands(const struct sm *sm, const char *bare);
