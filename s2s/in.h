/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A stream from another server, and the pairs that are proven on it.
 *
 * in.c           life: connection, stream, the end
 * in_tls.c       STARTTLS and direct TLS
 * in_sasl.c      SASL EXTERNAL (XEP-0178)
 * in_dialback.c  dialback (XEP-0220): keys of others, and whether a key is ours
 * in_stanza.c    who may say what
 * in_sm.c        acknowledgements (XEP-0198)
 * bidi.c         the other direction on the same connection (XEP-0288)
 */
#pragma once

#include "common/io/conn.h"
#include "common/stream/stream.h"
#include "s2s/server.h"

struct inbound;

struct proven {
    char *remote, *local;
    const char *how; /* static */
    struct proven *next;
};

struct in {
    struct server *server;
    struct policy *policy;
    struct conn *conn;
    struct stream *stream;
    char *peer;             /* the address it is counted under */
    struct timer *timer;    /* the stream's */
    struct timer *deadline; /* something must be proven; later, something must be heard */
    char *from;             /* who the header says it is, prepared; NULL: it does not say */
    char *to;               /* our domain in the header */
    struct proven *proven;
    unsigned proven_count;
    unsigned pending; /* keys in question */
    unsigned tries;   /* of <auth/> */
    bool direct_tls;
    bool stranger; /* counted by the gate */
    bool choked;   /* it does not read our answers, so nothing is read from it */
    bool ended;

    struct out *twin;       /* the other direction; NULL: none */
    bool guest;             /* connection and stream are the twin's */
    bool bidi;              /* the peer asked for it */
    struct loop_task *task; /* it is about to be used */

    struct inbound *open; /* what nobody has taken yet, in order */
    unsigned open_count;
    size_t open_bytes;
    bool full; /* it has too much open, so nothing is read from it */

    bool sm;
    uint32_t received;
    bool ack_owed, told_once; /* <r/> has come, and has been answered once */
    uint32_t asked;           /* received when it came */
    uint32_t told;            /* h of our latest <a/> */
    struct timer *ack;
    struct in *prev, *next; /* server->ins */
};

/* Takes the descriptor. */
void in_accept(struct server *server, int fd, const char *peer, bool direct_tls);
/* On the connection of `out`, whose server is proven. */
struct in *in_new_guest(struct out *out);
/* The stream has ended; then the connection has closed. */
void in_guest_end(struct in *in);
void in_guest_free(struct in *in);
void in_close(struct in *in, enum stream_condition condition);
const char *in_stream_id(const struct in *in);
bool in_is_proven(const struct in *in, const char *remote, const char *local);
/* Every domain that it has proven, or says it is, may be federated with. */
bool in_is_admitted(const struct in *in, const struct policy *policy);
/* From now on the pair is proven on this stream. */
void in_prove(struct in *in, const char *remote, const char *local, const char *how);
/* What was in question before TLS is not any more (RFC 6120 §5.4.3.3). */
void in_forget_questions(struct in *in);

/* in_tls.c */
extern const struct stream_feature in_starttls;
void in_begin_tls(struct in *in);

/* in_sasl.c */
extern const struct stream_feature in_sasl;

/* in_dialback.c */
extern const struct stream_feature in_dialback;
/* What came of a key: `type` is "valid", "invalid" or "error", which has a condition. */
void in_verified(struct in *in, const char *remote, const char *local, const char *type,
                 enum stanza_condition condition);

/* in_sm.c */
extern const struct stream_feature in_sm_offer, in_sm;
void in_sm_settled(struct in *in);
void in_sm_on_timer(void *in);
/* <r/>, and that counting begins. */
void in_sm_r(void *in, struct element *element);
void in_sm_begin(struct in *in);

/* in_stanza.c */
/* From there, and it may be. To be consumed. */
void in_deliver(struct in *in, struct stanza *stanza);
void in_stanza(void *user, struct stanza *stanza, int problem, const char *bytes, size_t length);
