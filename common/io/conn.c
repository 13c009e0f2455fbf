/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Connections: their life from the descriptor to ops->closed. What happens on an open one is
 * conn_events.c.
 */
#include "common/io/conn.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/conn_internal.h"

static void on_flush(struct loop_flush *flush)
{
    struct conn *conn = CONTAINER_OF(flush, struct conn, flush);
    conn_flush(conn);
    conn_watch(conn);
}

struct conn *conn_new(struct loop *loop, const struct conn_ops *ops, void *user)
{
    struct conn *conn = xcalloc(1, sizeof(*conn));
    conn->loop = loop;
    conn->ops = ops;
    conn->user = user;
    conn->fd = -1;
    conn->state = CONN_CONNECTING;
    conn->flush.run = on_flush;
    conn->handshake_ms = CONN_HANDSHAKE_MS;
    return conn;
}

static void conn_free(void *user)
{
    struct conn *conn = user;
    conn->ops->closed(conn->user, conn->reason);
    tls_session_free(conn->tls);
    free(conn->peer);
    free(conn);
}

static void on_poll_closed(uv_handle_t *handle)
{
    conn_free(CONTAINER_OF((uv_poll_t *)handle, struct conn, poll));
}

static void let_go(struct conn *conn)
{
    if (!conn->has_poll) {
        loop_defer(conn->loop, conn_free, conn);
    } else {
        uv_close((uv_handle_t *)&conn->poll, on_poll_closed);
    }
    if (conn->fd >= 0) {
        close(conn->fd);
        conn->fd = -1;
    }
}

void conn_finish(struct conn *conn, int reason)
{
    if (conn->state == CONN_CLOSED) {
        return;
    }
    if (conn->state == CONN_CONNECTING || conn->state == CONN_OPEN) {
        conn->reason = reason;
    }
    conn->state = CONN_CLOSED;
    dial_cancel(conn->dial);
    conn->dial = NULL;
    conn_clear_deadline(conn);
    loop_flush_remove(conn->loop, &conn->flush);
    conn_drop_queue(conn);
    let_go(conn);
}

void conn_set_ops(struct conn *conn, const struct conn_ops *ops, void *user)
{
    conn->ops = ops;
    conn->user = user;
}

void conn_abort(struct conn *conn)
{
    conn_finish(conn, ERR_CANCELLED);
}

static void on_deadline(void *user)
{
    struct conn *conn = user;
    conn_finish(conn, conn->broken ? ERR_CLOSED : ERR_TIMEOUT);
}

void conn_clear_deadline(struct conn *conn)
{
    timer_close(conn->deadline);
    conn->deadline = NULL;
}

void conn_set_deadline(struct conn *conn, uint64_t ms)
{
    if (!conn->deadline) {
        conn->deadline = timer_new(conn->loop, on_deadline, conn);
    }
    timer_start(conn->deadline, ms, 0);
}

/* Everything is sent. Closing now would make the kernel answer input we have not read with a
 * reset, which can overtake what we sent last; so only our direction is ended, and the peer's
 * awaited. */
void conn_say_goodbye(struct conn *conn)
{
    if (conn->layer == CONN_SECURE) {
        tls_bye(conn->tls);
    }
    if (conn->peer_ended || conn->broken) {
        conn_finish(conn, conn->reason);
        return;
    }
    shutdown(conn->fd, SHUT_WR);
    conn->state = CONN_LINGERING;
}

static void begin_closing(struct conn *conn, int reason)
{
    conn->state = CONN_FLUSHING;
    conn->reason = reason;
    conn_set_deadline(conn, CONN_CLOSE_MS);
    loop_flush_add(conn->loop, &conn->flush);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CONNECTING) {
        conn_abort(conn);
    }
    if (conn->state != CONN_OPEN) {
        return;
    }
    if (conn->layer == CONN_HANDSHAKE && conn_queued(conn) == 0) {
        conn_abort(conn);
        return;
    }
    begin_closing(conn, ERR_CANCELLED);
}

void conn_end(struct conn *conn, int reason)
{
    conn->peer_ended = true;
    if (conn->broken || reason != 0 || conn->layer == CONN_HANDSHAKE) {
        conn_finish(conn, reason == 0 ? ERR_CLOSED : reason);
        return;
    }
    begin_closing(conn, 0);
}

/* An alert has gone out: closes as in order, so that no reset overtakes it. */
void conn_refuse(struct conn *conn, int reason)
{
    conn_drop_queue(conn);
    conn->layer = CONN_CLEAR;
    if (conn->state == CONN_OPEN) {
        begin_closing(conn, reason);
    }
    conn_say_goodbye(conn);
}

/* A peer that vanished is noticed after a minute while something is on its way to it, and after
 * some minutes of silence otherwise. Fails on unix sockets, which need none of it. */
static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},    {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 300}, {IPPROTO_TCP, TCP_KEEPINTVL, 20},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},    {IPPROTO_TCP, TCP_USER_TIMEOUT, 60000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
    }
}

static void remember_peer(struct conn *conn)
{
    struct address address;
    if (address_of_peer(conn->fd, &address) < 0) {
        address = (struct address){0};
    }
    free(conn->peer);
    conn->peer = address_host(&address);
    conn->port = address_port(&address);
}

int conn_open(struct conn *conn, int fd)
{
    if (uv_poll_init(loop_uv(conn->loop), &conn->poll, fd) < 0) {
        return ERR_SYSTEM;
    }
    conn->has_poll = true;
    conn->fd = fd;
    conn->state = CONN_OPEN;
    set_options(fd);
    remember_peer(conn);
    if (conn->layer == CONN_CLEAR_LAST) {
        conn_set_deadline(conn, conn->handshake_ms);
    }
    loop_flush_add(conn->loop, &conn->flush);
    conn_watch(conn);
    return 0;
}

struct conn *conn_accepted(struct loop *loop, int fd, const struct conn_ops *ops, void *user)
{
    struct conn *conn = conn_new(loop, ops, user);
    if (conn_open(conn, fd) < 0) {
        conn->fd = fd;
        conn_finish(conn, ERR_CLOSED);
    }
    return conn;
}

const char *conn_peer_address(const struct conn *conn)
{
    return conn->peer ? conn->peer : "unknown";
}

uint16_t conn_peer_port(const struct conn *conn)
{
    return conn->port;
}

int64_t conn_peer_uid(const struct conn *conn)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);
    if (conn->fd < 0 || getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
        return -1;
    }
    return peer.uid == (uid_t)-1 ? -1 : (int64_t)peer.uid;
}
