/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * BOSH (XEP-0124, XEP-0206): a client's stream in the bodies of HTTP requests and answers.
 *
 * bosh_body.c     a body as it comes: its attributes, its elements, its limits
 * bosh_session.c  a session: requests in the order of their rid, answers, time
 * bosh_client.c   the transport that a session is
 * bosh_relay.c    requests of sessions that another worker has
 * bosh.c          the route; creation, retransmission, terminate conditions
 *
 * Requests wait in three places: those that come too early for their turn, those that are held
 * until there is something to say, and those answered last, whose answers are kept to be sent
 * again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "c2s/client.h"
#include "c2s/web/connection.h"
#include "common/base/buffer.h"
#include "common/base/table.h"
#include "common/xmpp/parser.h"

#define NS_BOSH  "http://jabber.org/protocol/httpbind"
#define NS_XBOSH "urn:xmpp:xbosh"

#define BOSH_HOLD_MAX     1
#define BOSH_REQUESTS_MAX (BOSH_HOLD_MAX + 1)
#define BOSH_WAIT_S       60
#define BOSH_INACTIVITY_S 60
#define BOSH_PAUSE_MAX_S  120
#define BOSH_POLLING_S    5
#define BOSH_WORKER_MAX   31
#define BOSH_RANDOM       32 /* hexadecimal digits; then a dot and the name of the worker */
#define BOSH_SID_SIZE     (BOSH_RANDOM + 1 + BOSH_WORKER_MAX + 1)

/* Numbers that may be sent (XEP-0124 §14.1): 2^53 - 1. */
#define BOSH_RID_MAX ((UINT64_C(1) << 53) - 1)

/* A body that comes; the state of a web_request. */
struct bosh_body {
    struct bosh_body *next; /* in a list of its session */
    struct web *web;
    struct web_request *request; /* NULL: its connection is gone */
    struct bosh_session *session;
    struct parser *parser;
    struct element *attributes; /* <body/> without what is in it; NULL: not there yet */
    char *address;              /* of the client */
    struct buffer payload;      /* elements, one behind the other, each with a NUL */
    size_t payload_max;
    struct buffer raw;   /* as it came, while it may be another worker's */
    bool is_foreign;     /* it is */
    struct relay *relay; /* has brought it there */
    uint64_t rid;
    uint64_t deadline_ms; /* while it is held */
    bool complete;        /* </body> */
    int problem;          /* of the XML, a stream error; -1: none */
};

struct bosh_answer {
    uint64_t rid;
    struct buffer text;
};

struct bosh_session {
    UT_hash_handle hh;
    char sid[BOSH_SID_SIZE];
    struct web *web;
    struct client *client; /* NULL: its stream has ended */
    struct timer *timer;
    struct loop_task *task; /* what is to be done outside of callbacks */
    char *address;
    char *content_type;
    char *key;               /* XEP-0124 §15; NULL: none */
    struct bosh_body *early; /* out of order, by rid */
    struct bosh_body *held;  /* in order */
    struct bosh_answer answers[BOSH_REQUESTS_MAX + 1];
    size_t answers_next;
    struct buffer input;  /* elements that wait until the stream takes them */
    struct buffer out;    /* for the client */
    uint64_t rid;         /* of the last one in order */
    uint64_t unconfirmed; /* the answer to this one may not have come; 0: none */
    uint64_t inactive_ms; /* since when nothing is held; 0: something is */
    uint32_t inactivity_s, wait_s;
    unsigned hold, requests, held_count;
    unsigned paused;
    char condition[32]; /* of termination; empty: in order */
    bool created;       /* the answer to the first request is out */
    bool ending;        /* no more goes to the stream; what is queued is told, then it is over */
    bool pausing;       /* what is held is to be answered now */
    bool failing;       /* an error has been written: the end is told with it */
    bool aborted;
};

/* bosh_body.c */
struct bosh_body *bosh_body_new(struct web_request *request);
void bosh_body_free(struct bosh_body *body);
void bosh_body_feed(struct bosh_body *body, const char *bytes, size_t length);
const char *bosh_body_get(const struct bosh_body *body, const char *name);
const char *bosh_body_get_ns(const struct bosh_body *body, const char *ns, const char *name);
/* A number without sign; `absent` if it is not there; false: no number, or beyond `max`. */
MUST_CHECK bool bosh_body_number(const struct bosh_body *body, const char *name, uint64_t max,
                                 uint64_t absent, uint64_t *value);

/* bosh_session.c */
struct bosh_session *bosh_session_find(struct web *web, const char *sid);
/* The client is let in already. */
struct bosh_session *bosh_session_new(struct web *web, struct bosh_body *first, char *address);
/* A body of this session, whose XML is good; the session takes it. */
void bosh_session_take(struct bosh_session *session, struct bosh_body *body);
/* The connection of one of its requests is gone. */
void bosh_session_lost(struct bosh_session *session, struct bosh_body *body);
/* Ends it with a condition of XEP-0124 §17.2; NULL: in order. */
void bosh_session_end(struct bosh_session *session, const char *condition);
/* Goes on, outside of whatever is going on now. */
void bosh_session_wake(struct bosh_session *session);
/* bosh_relay.c: sessions of other workers. The name behind the dot of our sids; where the requests
 * of a worker's sessions are brought (free() it); which other worker has a session, or NULL. */
const char *bosh_relay_suffix(const struct worker *worker);
char *bosh_relay_address(const struct worker *worker, const char *id);
const char *bosh_relay_worker(const struct worker *worker, const char *sid);
/* Takes the body there, and answers it. */
void bosh_relay(struct bosh_body *body, const char *worker);
void bosh_relay_abandon(struct relay *relay);

/* bosh_client.c */
extern const struct transport_ops bosh_transport;

/* bosh.c */
void bosh_answer_text(struct bosh_body *body, const char *type, const struct buffer *text);
/* <body type='terminate'/>. */
void bosh_refuse(struct bosh_body *body, const char *condition);
