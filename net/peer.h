/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Another node: what is known of it and what waits for it. That belongs to the peer and not to a
 * connection, so connections come and go and nobody is told.
 *
 *    down ──link──► up ──connection lost──► lost ──link──► up
 *      ▲            │  heartbeat unanswered   │ nothing for long
 *      └────────────┴─────────────────────────┘
 *
 * Its host is bound in the router all the time: announced while it is up or lost, private while it
 * is down. So what goes to a peer that is down comes here and is refused with remote-server-timeout
 * by us, who know it; and the session managers hear when there is sense in offering again: the
 * route goes and comes.
 *
 * peer.c        states, the route
 * peer_dial.c   who dials, and when
 * peer_send.c   what goes to it
 * peer_beat.c   whether it is alive
 */
#pragma once

#include "common/base/table.h"
#include "common/component/batch.h"
#include "net/judge.h"
#include "net/ledger.h"
#include "net/server.h"

enum peer_state { PEER_DOWN, PEER_LOST, PEER_UP };

/* What is spoken on links, each with a version (docs/NETWORK.md). */
enum protocol {
    PROTOCOL_NET,
    PROTOCOL_SESSION,
    PROTOCOL_DIRECTORY,
    PROTOCOL_DURABLE,
    PROTOCOL_DOCUMENT,
    PROTOCOL_BATCH,
    PROTOCOLS
};

struct peer {
    UT_hash_handle hh; /* server->peers, by host */
    struct server *server;
    char *host;
    enum peer_state state;
    uint64_t since_ms; /* it is in this state */
    bool announced;    /* its route is for everybody to see */

    struct ledger ledger;
    char *session;     /* the id of the counting; NULL: there is none */
    struct line *line; /* the link */
    struct line *dialled;
    struct timer *retry;    /* to dial */
    struct timer *patience; /* lost: until it counts as down; down: until the session ends */
    struct timer *beat;
    struct timer *cork;
    struct timer *ready; /* no announcement before it fires, and then, if `wants_ready`, one */
    bool wants_ready;
    unsigned failures; /* in a row */
    char *problem;     /* why the last line ended; NULL: it has a link, or never had */
    size_t next_address;
    unsigned missed; /* heartbeats without an answer */
    uint64_t asked_ms;
    size_t unasked_bytes; /* sent since its count was asked for */
    uint64_t round_trip_ms;
    bool wants_room;     /* an offer of its was refused for want of room */
    bool misses_answers; /* some were for it when it could not be reached */

    unsigned versions[PROTOCOLS]; /* spoken on the link; 0: not */
    uint64_t serial;              /* of its document */
    uint64_t document_asked;      /* the serial that it was asked for last */
    bool document_stepped;        /* it was asked for the one behind ours */
    uint64_t sent, received;      /* stanzas and offers */
    uint64_t rejected[REJECTIONS];
};

struct peer *peer_find(const struct server *server, const char *host);
struct peer *peer_add(struct server *server, const char *host);
/* It is no member any more, or suspended. Its line ends. */
void peer_remove(struct peer *peer);
void peer_remove_all(struct server *server);
const char *peer_state_name(enum peer_state state);

/* The line has become the link; resumed: it goes on where the last one ended. */
void peer_up(struct peer *peer, struct line *line, bool resumed);
/* Its line, or the attempt, has ended. */
void peer_line_ended(struct peer *peer, struct line *line);
/* Nothing counts any more: at the beginning of a new session, or the end of the old one. */
void peer_end_session(struct peer *peer);
/* Session managers are told that the peer can be reached, now again. */
void peer_announce(struct peer *peer);
/* The same, but not more than once a second. */
void peer_announce_soon(struct peer *peer);
void peer_reject(struct peer *peer, enum rejection rejection, const char *from, const char *to);

/* peer_dial.c */
bool peer_is_ours_to_dial(const struct peer *peer);
/* Soon, as it suits after that many failures. */
void peer_plan(struct peer *peer);
/* Now: something has changed. */
void peer_hurry(struct peer *peer);
void peer_dial(void *peer);
/* A line that says it is of this peer may become the link, before others. */
bool peer_prefers(const struct peer *peer, const struct line *line);

/* peer_send.c; stanza and bytes are consumed. */
void peer_send(struct peer *peer, struct stanza *stanza);
void peer_offer(struct peer *peer, const struct durable *offer, struct stanza *stanza);
void peer_answer(struct peer *peer, const struct durable *answer);
/* Offers of the message to many there, or answers to many. */
void peer_offer_batch(struct peer *peer, const struct batch *batch, struct stanza *stanza);
void peer_answer_batch(struct peer *peer, const struct batch *batch);
/* Refuses all to whoever has made them here. */
void peer_refuse_batch(struct server *server, const struct batch *batch,
                       enum stanza_condition reason);
void peer_note(struct peer *peer, struct buffer *bytes);
/* <ready/>: it offers again what it has open here. */
void peer_tell_ready(struct peer *peer);
/* What waits goes out, as far as there is room. */
void peer_flush(void *peer);
/* The sender of a stanza that goes no further is told. */
void peer_bounce(struct server *server, struct stanza *stanza, enum stanza_condition condition);

/* peer_beat.c */
/* So much has been sent: its count is asked for between heartbeats too, so that what is bounded is
 * what is on its way, and not what a second brings. */
void peer_count_sent(struct peer *peer, size_t bytes);
void peer_beat(void *peer);
void peer_alive(struct peer *peer);
bool peer_is_suspect(const struct peer *peer);
