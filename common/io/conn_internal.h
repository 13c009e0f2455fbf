/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The inside of a connection, for common/io/conn*.c only.
 *
 *     connecting ──► open ──► flushing ──► lingering ──► closed
 *          └───────────┴──────────┴──────────────────────► closed
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "common/base/buffer.h"
#include "common/io/address.h"
#include "common/io/conn.h"
#include "common/io/loop_internal.h"
#include "common/io/timer.h"

enum conn_state {
    CONN_CONNECTING, /* a dial is under way */
    CONN_OPEN,
    CONN_FLUSHING,  /* closing: what is queued goes out, input is thrown away */
    CONN_LINGERING, /* our end was sent; waits for the peer's, so that closing resets nothing */
    CONN_CLOSED,    /* the descriptor is gone, ops->closed is due */
};

enum conn_layer {
    CONN_CLEAR,
    CONN_CLEAR_LAST, /* conn_start_tls() was called; what was queued before goes out in clear */
    CONN_HANDSHAKE,
    CONN_SECURE,
};

struct dial;

struct conn {
    uv_poll_t poll; /* first: CONTAINER_OF and conn are the same */
    struct loop *loop;
    const struct conn_ops *ops;
    void *user;
    struct tls_session *tls;
    struct dial *dial;      /* while connecting */
    struct timer *deadline; /* while something has to end; an idle connection has none */
    struct buffer out;      /* released whenever it is empty */
    size_t out_sent;        /* bytes at the front of `out` that have gone */
    size_t out_clear;       /* bytes still to be sent before TLS begins */
    struct loop_flush flush;
    char *peer;
    int fd;
    int reason;  /* for ops->closed, once closing */
    int watched; /* what libuv waits for now */
    unsigned paused;
    uint32_t discarded; /* input thrown away while closing */
    uint32_t handshake_ms;
    uint16_t port;
    uint8_t state;       /* enum conn_state */
    uint8_t layer;       /* enum conn_layer */
    uint8_t dial_errno;  /* why the last address did not answer; 0: it did */
    bool has_poll : 1;   /* `poll` has to be closed */
    bool blocked : 1;    /* the kernel takes no more for now */
    bool broken : 1;     /* writing failed; what the peer sent before is still read */
    bool peer_ended : 1; /* nothing more will come */
    bool above_high : 1; /* ops->drained is owed */
};

/* How long a part of the life of a connection may last, in ms. */
#define CONN_CLOSE_MS     5000
#define CONN_HANDSHAKE_MS 10000
#define CONN_DIAL_MS      10000

/* conn.c */
struct conn *conn_new(struct loop *loop, const struct conn_ops *ops, void *user);
/* The descriptor is connected: sets its options and begins to serve it. ERR_SYSTEM leaves the
 * descriptor to the caller. */
MUST_CHECK int conn_open(struct conn *conn, int fd);
/* Closes at once; `reason` counts unless closing had begun for another. */
void conn_finish(struct conn *conn, int reason);
/* The peer's side has ended: sends what is queued, then closes. */
void conn_end(struct conn *conn, int reason);
/* Everything is sent: ends our direction, and waits for the peer to end its own. */
void conn_say_goodbye(struct conn *conn);
/* The handshake failed. */
void conn_refuse(struct conn *conn, int reason);
void conn_set_deadline(struct conn *conn, uint64_t ms);
void conn_clear_deadline(struct conn *conn);

/* conn_events.c */
/* Sends what may be sent now, and goes on with what was waiting for that. */
void conn_flush(struct conn *conn);
/* Tells libuv what is waited for now. */
void conn_watch(struct conn *conn);

/* conn_bytes.c: like tls_read() and tls_write(), in clear or under TLS. */
MUST_CHECK ssize_t conn_receive(struct conn *conn, void *bytes, size_t size);
MUST_CHECK ssize_t conn_send(struct conn *conn, const void *bytes, size_t length);
/* Like recv(2) and send(2) on the descriptor, negative errno; never a SIGPIPE. */
ssize_t conn_raw_receive(struct conn *conn, void *bytes, size_t size);
ssize_t conn_raw_send(struct conn *conn, const void *bytes, size_t length);
/* Sends from the queue until it is empty (0), ERR_AGAIN or ERR_CLOSED. */
MUST_CHECK int conn_send_queued(struct conn *conn);
/* What of the queue may go out on the present layer. */
size_t conn_sendable(const struct conn *conn);
void conn_drop_queue(struct conn *conn);

/* conn_tls.c: one step of the handshake, now that the descriptor is ready for it. */
void conn_handshake(struct conn *conn);

/* conn_connect.c */
void dial_cancel(struct dial *dial);
