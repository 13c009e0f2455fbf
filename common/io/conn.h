/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A connection: TCP or unix socket, in clear or under TLS; what is above cannot tell which. Bytes
 * arrive through ops->data, conn_write() queues without limit (the owner watches
 * conn_queued()). An idle connection holds no buffers.
 *
 * Life: conn_close() sends what is queued (and TLS close_notify), waits for the peer's end, which
 * it throws away, closes; all that in at most 5 s. conn_abort() closes at once. When the peer ends
 * in order what is queued is still sent before the connection closes. In every case ops->closed is
 * called exactly once, later than the call, and is the last call ever made; the conn is freed after
 * it returns. After conn_close()/conn_abort() no ops->data or ops->drained comes any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/io/loop.h"
#include "common/tls/tls.h"

struct conn;

struct conn_ops {
    /* conn_connect() only: the transport is there. */
    void (*connected)(void *user);
    /* The TLS handshake is done: bytes are safe from here on. */
    void (*secured)(void *user);
    void (*data)(void *user, const char *bytes, size_t length);
    /* What is queued fell below conn_low_water again after it was above conn_high_water. */
    void (*drained)(void *user);
    /* reason: 0 the peer closed in order, ERR_CLOSED cut off, ERR_TLS, ERR_TIMEOUT,
     * ERR_UNAVAILABLE (connect failed), ERR_CANCELLED (we closed). */
    void (*closed)(void *user, int reason);
};

#define CONN_HIGH_WATER (256 * 1024)
#define CONN_LOW_WATER  (64 * 1024)

/* Takes the descriptor. Reading starts in the next turn of the loop. */
struct conn *conn_accepted(struct loop *loop, int fd, const struct conn_ops *ops, void *user);
/* `address` as in listener.h. Always returns a conn; failure comes as ops->closed. */
struct conn *conn_connect(struct loop *loop, const char *address, const struct conn_ops *ops,
                          void *user);

/* Hands the connection over: from now on the callbacks go there. */
void conn_set_ops(struct conn *conn, const struct conn_ops *ops, void *user);

void conn_write(struct conn *conn, const void *bytes, size_t length);
size_t conn_queued(const struct conn *conn);
/* Nothing is queued, and the peer's system has acknowledged all that was sent to it. */
bool conn_has_drained(const struct conn *conn);
/* Stop and go on reading: the only back-pressure there is. Calls nest as a count. */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);
/* Begins TLS after what is queued has been sent. From this call on no byte in clear is delivered:
 * what was received but not yet delivered is an attack (CVE-2011-0411) and closes the connection
 * with ERR_TLS. `server_name` for clients. Handshakes have 10 s, or what was set before. */
void conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name);
void conn_set_handshake_timeout(struct conn *conn, uint32_t ms);
/* Why it could not be connected, in the system's words, from ops->closed; NULL: it could. Static.
 */
const char *conn_dial_problem(const struct conn *conn);
/* NULL in clear; there from conn_start_tls() on, so that ops->closed can ask for tls_problem(). */
struct tls_session *conn_tls(struct conn *conn);
void conn_close(struct conn *conn);
void conn_abort(struct conn *conn);

/* "192.0.2.1" or "2001:db8::1" or "unix"; valid while the conn lives. */
const char *conn_peer_address(const struct conn *conn);
uint16_t conn_peer_port(const struct conn *conn);
/* Effective uid of the peer of a unix socket; -1 if unknown. */
int64_t conn_peer_uid(const struct conn *conn);
