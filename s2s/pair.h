/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A domain of ours and one of others: what waits to be sent, and how far its stream is.
 *
 *    idle ──► waiting ──► resolving ──► connecting ──► negotiating ──► proving ──► ready
 *      ▲         ▲            │              │               │            │          │
 *      └─────────┴────────────┴──────────────┴───────────────┴────────────┴──────────┘
 *
 * waiting: for a place, or for the end of a back-off. proving: the stream is open, EXTERNAL or
 * dialback is under way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/xmpp/stanza.h"
#include "s2s/remote.h"

enum pair_state {
    PAIR_IDLE,
    PAIR_WAITING,
    PAIR_RESOLVING,
    PAIR_CONNECTING,
    PAIR_NEGOTIATING,
    PAIR_PROVING,
    PAIR_READY,
    PAIR_STATES
};

struct offer;

/* A stanza that is to go out. */
struct parcel {
    struct stanza *stanza;
    struct pair *pair;
    struct offer *offer; /* somebody answers for it meanwhile; NULL: nobody does */
    bool several;        /* the offer is of several, and the stanza for all of them (several.h) */
    bool covered;        /* sent, and a barrier behind it */
    bool confirmed;      /* the barrier was answered */
    bool held;           /* acknowledged, but not confirmed */
    bool fleeting;       /* it makes no sense on another stream */
    bool again;          /* one of several that were refused together on this stream */
    size_t size;
    uint64_t number;  /* of its own */
    int64_t given_us; /* wall time */
    uint64_t deadline_ms;
    struct parcel *prev, *next;
};

struct pair {
    struct remote *remote;
    char *local;
    enum pair_state state;
    struct out *out;        /* the stream it is on, from negotiating on */
    struct parcel *waiting; /* in order */
    struct timer *expiry;
    char *dialback_id; /* of the stream on which a key of ours is in question; NULL: none */
    bool no_external;  /* the peer did not like it */
    bool alone;        /* nor that it shares a stream: it gets one of its own */
    char *barrier;     /* the id of the ping that is in question; NULL: none */
    uint64_t barrier_ms, barrier_again_ms; /* since when; it is asked again after so long */
    struct timer *patience;                /* with its answer */
    struct pair *prev, *next;
};

struct pair *pair_get(struct server *server, const char *local, const char *remote);
struct pair *pair_new(struct remote *remote, const char *local);
/* NULL: not known. */
struct pair *pair_of(const struct remote *remote, const char *local);
struct pair *pair_find(struct server *server, const char *local, const char *remote);
/* The only place where the state changes. */
void pair_enter(struct pair *pair, enum pair_state state);
const char *pair_state_name(enum pair_state state);
/* A key of ours is in question on the stream with that id. */
bool pair_asks(const struct pair *pair, const char *stream_id);
/* To be consumed, both; offer may be NULL. */
void pair_send(struct pair *pair, struct stanza *stanza, struct offer *offer);
/* What may be sent now is. */
void pair_flush(struct pair *pair);
/* One of several that were refused together: before all that waits, but for others such; sent, with
 * pair_flush(), when no other stanza for several is in question (several_open()). */
void pair_send_again(struct pair *pair, struct stanza *stanza, struct offer *offer);
/* A parcel that was sent, but not acknowledged: goes to the front again, one by one. */
void pair_return(struct pair *pair, struct parcel *parcel);
/* Takes the stanza, and the offer, which may be NULL. It is in no queue. */
struct parcel *parcel_new(struct pair *pair, struct stanza *stanza, struct offer *offer);
void parcel_free(struct parcel *parcel);
/* Everything that waits ends. */
void pair_bounce(struct pair *pair, enum stanza_condition condition, const char *text);
/* The same for what would wait too long. */
void pair_bounce_until(struct pair *pair, uint64_t time_ms, const char *text);
/* What others answer for goes back to them: it cannot be sent now. */
void pair_give_back(struct pair *pair, const char *text);
/* It is on no stream any more. */
void pair_detach(struct pair *pair);
void pair_free(struct pair *pair);
