/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A connection with another node, dialled or accepted. It becomes the link to its peer when both
 * ends agree (peer_prefers()).
 *
 *    TLS ─► key is that of a member ─► headers ─► features, protocols ─► enable or resume ─► link
 *
 * line.c        life: connection, stream, the end
 * line_open.c   who it is: keys, headers, protocols
 * line_sm.c     XEP-0198: beginning, resuming, heartbeat
 * line_in.c     what comes in
 */
#pragma once

#include "common/io/conn.h"
#include "common/stream/ack.h"
#include "common/stream/stream.h"
#include "net/peer.h"

struct line {
    struct server *server;
    struct peer *peer; /* NULL: not known yet, or gone */
    struct conn *conn;
    struct stream *stream;
    struct timer *timer;    /* the stream's */
    struct timer *deadline; /* to become the link */
    char *address;          /* the other end */
    bool dialled;
    bool stranger; /* counted by the gate */
    bool agreed;   /* on protocols */
    bool asked;    /* <enable/> or <resume/> was sent */
    bool is_link;  /* it is, or was, the link */
    bool ended;
    uint8_t pin[TLS_PIN_SIZE]; /* of the peer, once there is TLS */
    char *problem;             /* why it ended */
    struct line *prev, *next;  /* server->lines */
};

/* Takes the descriptor. */
void line_accept(struct server *server, int fd, const char *address);
struct line *line_dial(struct peer *peer, const char *address);
void line_write(struct line *line, const char *bytes, size_t length);
bool line_has_room(const struct line *line);
/* Both ends say that their releases are too far apart. */
void line_log_incompatible(const struct line *line, const char *reason);
/* Ends in order, with a stream error. */
void line_close(struct line *line, enum stream_condition condition, const char *text);
/* Ends at once; the peer is told that it has lost it. `problem` is for people. */
void line_fail(struct line *line, const char *problem);
/* Another one has taken its place, or its peer goes: nobody is told. */
void line_abandon(struct line *line);
/* No line is of this peer any more. */
void lines_forget(struct server *server, const struct peer *peer, enum stream_condition why);

/* line_open.c */
extern const struct stream_feature line_protocols;
void line_secured(struct line *line);
int line_header(void *line, const struct stream_header *header);
void line_features(void *line, struct element *features);
/* The member it says it is has this key, and may be linked. */
bool line_is_admitted(const struct line *line);

/* line_sm.c */
extern const struct stream_feature line_sm, line_counting;
void line_sm_ask(struct line *line);

/* line_in.c */
extern const struct stream_feature line_durable, line_notes;
void line_stanza(void *line, struct stanza *stanza, int problem, const char *bytes, size_t length);
