/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The inside of a link, for common/component only.
 *
 *    waiting ──► connecting ──► opening ──► binding ──► up
 *       ▲            │             │           │        │
 *       └────────────┴─────────────┴───────────┴────────┘   the connection is lost
 *    any ──link_close()──► closing
 */
#pragma once

#include "common/base/buffer.h"
#include "common/component/link.h"
#include "common/io/conn.h"
#include "common/io/timer.h"
#include "common/stream/stream.h"

#define LINK_VERSION 1 /* of urn:kontalk:router:1 */

enum link_state {
    LINK_WAITING,    /* for the next try */
    LINK_CONNECTING, /* the transport */
    LINK_OPENING,    /* header, handshake, protocols */
    LINK_BINDING,    /* not all binds are confirmed */
    LINK_UP,
    LINK_CLOSING,
    LINK_STATES
};

enum bind_state { BIND_WANTED, BIND_ASKED, BIND_CONFIRMED, BIND_REFUSED, BIND_LEAVING };

struct bound {
    struct link_bind bind; /* its strings are ours */
    enum bind_state state;
    uint64_t id; /* of the request on the wire */
    struct bound *prev, *next;
};

struct queued {
    struct stanza *stanza;
    size_t size;
    uint64_t deadline_ms;
    struct queued *prev, *next;
};

struct link {
    struct loop *loop;
    struct parser_pool *pool;
    const struct link_ops *ops;
    void *user;
    char *address;
    char *name;
    char *secret;
    char *incarnation;
    size_t queue_max;
    uint64_t patience_ms;

    enum link_state state;
    unsigned attempt;
    struct conn *conn;     /* NULL between connections */
    struct stream *stream; /* NULL until the transport is there */
    struct timer *retry_timer;
    struct timer *stream_timer;
    bool durable; /* the router speaks urn:kontalk:durable:1 */
    bool batch;   /* and batches of it */
    bool is_plain;
    bool may_durable; /* with a secret: nobody tells us what the router speaks */

    struct bound *binds;
    uint64_t next_id;
    unsigned bind_attempt;
    struct timer *bind_timer;

    struct queued *queue;
    size_t queue_size;
    struct timer *queue_timer;
    bool congested; /* ops->drained is owed */
};

/* link.c: the only place where the state changes */
void link_enter(struct link *link, enum link_state state);
bool link_is_open(const struct link *link);

/* link_durable.c: ERR_LIMIT */
MUST_CHECK int link_send_words(struct link *link, const struct buffer *words);
extern const struct stream_feature link_durable;

/* link_batch.c */
void link_on_batch(void *link, struct element *element);

/* link_stream.c */
void link_open_stream(struct link *link);

/* link_bind.c */
void binds_begin(struct link *link);
void binds_lost(struct link *link);
void binds_free(struct link *link);
void binds_retry(void *user);
void binds_answered(struct link *link, const struct element *answer);

/* link_queue.c */
size_t queue_pending(const struct link *link);
void queue_flush(struct link *link);
void queue_expire(void *user);
void queue_return_all(struct link *link);
void queue_drained(struct link *link);
