/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What goes to a peer, and the counting of XEP-0198 in both directions. It belongs to the peer, not
 * to the connection, and outlives it (§5). No I/O.
 *
 *    ledger_add() ──► waiting (urgent ones, then the others) ──ledger_next()──► sent ──h──► gone
 *                        ▲                                                       │
 *                        └──────────────────────ledger_resume()──────────────────┘
 *
 * A number is given when something is sent, so that urgent things may overtake.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/stanza.h"

enum entry_kind {
    ENTRY_STANZA,
    ENTRY_OFFER,  /* somebody else has it, and offers it again */
    ENTRY_ANSWER, /* to an offer: urgent; whoever misses it asks again */
    ENTRY_FORGET, /* not urgent: the offer behind what is forgotten has to come before */
    ENTRY_NOTE    /* between the net daemons themselves: urgent */
};

struct entry {
    enum entry_kind kind;
    struct stanza *stanza; /* ENTRY_STANZA */
    struct buffer bytes;   /* all others: XML that is complete in itself */
    size_t size;
    bool dropped; /* it only keeps its number */
    struct entry *prev, *next;
};

struct ledger {
    struct entry *urgent, *waiting, *sent;
    size_t waiting_bytes, sent_bytes;
    unsigned waiting_count, sent_count;
    uint32_t acknowledged; /* the peer has handled that many of ours */
    uint32_t received;     /* we have handled that many of the peer's */
};

/* Ends the counting in both directions; what is in it stays. */
void ledger_restart(struct ledger *ledger);
/* Frees all that is in it. */
void ledger_fini(struct ledger *ledger);

/* Takes the stanza, or the bytes. */
void ledger_add_stanza(struct ledger *ledger, struct stanza *stanza);
void ledger_add(struct ledger *ledger, enum entry_kind kind, struct buffer *bytes);
/* Bytes that are waiting or not acknowledged. */
size_t ledger_bytes(const struct ledger *ledger);

/* Appends what is to be sent next; false: nothing waits. */
bool ledger_next(struct ledger *ledger, struct buffer *out);
/* ERR_LIMIT: more than was sent. */
MUST_CHECK int ledger_acknowledge(struct ledger *ledger, uint32_t h);
/* Everything that the peer has not got waits again, in the same order. ERR_LIMIT as above. */
MUST_CHECK int ledger_resume(struct ledger *ledger, uint32_t h);
/* Takes out all of one kind: what is not acknowledged, and what waits. `each` gets stanzas to
 * consume, and may be NULL. */
void ledger_drop_sent(struct ledger *ledger, enum entry_kind kind,
                      void (*each)(void *user, struct stanza *stanza), void *user);
void ledger_drop(struct ledger *ledger, enum entry_kind kind,
                 void (*each)(void *user, struct stanza *stanza), void *user);
