/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A stream to a server of another domain. It belongs to the pair it was made for and may carry
 * others, once dialback has proven them (XEP-0220 §2.6).
 *
 *    connected ─► (STARTTLS) ─► secured, certificate looked at ─► open ─► pairs are proven ─► ended
 *
 * out.c           life: connection, stream, the end
 * out_open.c      features, TLS, certificate
 * out_prove.c     SASL EXTERNAL and dialback
 * bidi.c          the other direction on the same connection (XEP-0288)
 * out_ack.c       acknowledgements (XEP-0198)
 * out_barrier.c   pings in their place
 * out_trace.c     what is said to who follows it
 */
#pragma once

#include "common/io/conn.h"
#include "common/stream/ack.h"
#include "common/stream/stream.h"
#include "s2s/pair.h"

struct out {
    struct server *server;
    struct remote *remote;
    struct policy *policy;
    char *local; /* the domain of ours in its header */
    struct conn *conn;
    struct stream *stream;
    struct timer *timer;    /* the stream's */
    struct timer *deadline; /* of negotiation, and of each proof */
    struct timer *idle;
    struct timer *ack;
    struct target *target; /* what is known about the server, until TLS is there */

    struct in *twin; /* the other direction; NULL: none */
    bool guest;      /* connection and stream are the twin's */
    bool bidi;       /* asked for */

    bool direct_tls;
    bool tls_asked;  /* <starttls/> has been sent */
    bool certified;  /* its certificate is that of the domain */
    bool open;       /* nothing stands in the way of proofs */
    bool external;   /* offered: SASL EXTERNAL */
    bool dialback;   /* offered: dialback with errors, so that several pairs may share it */
    bool auth_asked; /* <auth/> has been sent, and not refused */
    bool challenged;
    bool sm_offered, sm;
    bool ack_asked;
    unsigned ack_ticks; /* of the timer since something was acknowledged */
    bool ended;
    char *problem;          /* why it ended, if that is known better than from the stream */
    uint32_t acknowledged;  /* h of the latest <a/> */
    struct parcel *unacked; /* sent, in order */
    uint32_t unacked_count;
    struct parcel *held; /* acknowledged, for several, and not confirmed by a barrier */
    uint32_t held_count;
    size_t unacked_bytes; /* of both */

    struct out *prev, *next;             /* server->outs */
    struct out *prev_there, *next_there; /* remote->outs */
};

/* Takes the connection. */
void out_new(struct pair *pair, struct conn *conn, const struct candidate *candidate);
/* On the connection of `in`, where the pair is proven: ready. */
struct out *out_new_guest(struct pair *pair, struct in *in);
/* The stream has ended; then the connection has closed. */
void out_guest_end(struct out *out);
void out_guest_free(struct out *out);
/* NULL for the pair: may carry questions of dialback. */
bool out_may_carry(const struct out *out, const struct pair *pair);
/* Proves the pair, if something waits in it and that has not begun. */
void out_prove(struct out *out, struct pair *pair);
bool out_has_room(const struct out *out);
/* Takes the parcel, which is in no queue. */
void out_send(struct out *out, struct parcel *parcel);
/* There is room again. */
void out_flush(struct out *out);
/* <db:verify/> */
void out_ask(struct out *out, const char *local, const char *id, const char *key);
/* Ends at once, and touches no attempt. */
void out_abandon(struct out *out);
/* Ends in order. */
void out_close(struct out *out);
/* Ends because of what the peer is or does; `problem` is for people. */
void out_fail(struct out *out, const char *problem);

/* out_open.c */
extern const struct stream_feature out_starttls;
void out_secured(struct out *out);
void out_features(void *user, struct element *features);

/* out_prove.c */
extern const struct stream_feature out_sasl, out_dialback;
/* The stream is open: keys are asked for, pairs proven. */
void out_go_on(struct out *out);

/* out_trace.c: `problem` is why the certificate is no proof; NULL: it is one. */
void out_trace_certificate(const struct out *out, bool accepted, const char *problem);
void out_trace_features(const struct out *out, const struct element *features);

/* out_ack.c */
extern const struct stream_feature out_sm;
void out_sm_begin(struct out *out);
void out_sm_sent(struct out *out, struct parcel *parcel);
/* What was not acknowledged waits again; true: there was some. */
bool out_sm_return(struct out *out);
/* Their answer is awaited, or has come. */
void out_ack_begin(struct out *out);
void out_ack_progress(struct out *out);
/* One that was sent has arrived, and is not refused as a whole. */
void out_ack_settle(struct out *out, struct parcel *parcel);
/* As much may be unacknowledged as may wait. */
bool out_sm_has_room(const struct out *out);
void out_sm_on_timer(void *out);
/* <a/>, <r/> */
void out_sm_a(void *out, struct element *element);

/* out_barrier.c */
/* Asks about what has been sent for the pair, unless it does already. */
void barrier_ask(struct pair *pair);
/* Whether the stanza, from outside, is the answer; then it is handled. */
bool barrier_answered(struct server *server, const struct stanza *stanza);
/* There is none yet: asked again, or the stream is no good. */
void barrier_on_timer(void *pair);
/* Nothing is in question any more. */
void barrier_lift(struct pair *pair);
