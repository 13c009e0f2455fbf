/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Connections: their life from the descriptor to ops->closed. The descriptor is watched by uv_poll
 * and read and written here, so nothing but the queue and the TLS session costs memory.
 */
#include "common/io/conn.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/conn_internal.h"

/* What a peer may send after we said goodbye before it is cut off. */
#define DISCARD_MAX ((uint32_t)1024 * 1024)

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
    return conn;
}

/* --- the end --- */

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

void conn_abort(struct conn *conn)
{
    conn_finish(conn, ERR_CANCELLED);
}

/* --- deadlines --- */

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

/* --- closing in order --- */

/* Everything is sent. Closing now would make the kernel answer input we have not read with a
 * reset, which can overtake what we sent last; so only our direction is ended, and the peer's
 * awaited. */
static void say_goodbye(struct conn *conn)
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
    say_goodbye(conn);
}

/* --- writing --- */

void conn_write(struct conn *conn, const void *bytes, size_t length)
{
    if (conn->state > CONN_OPEN || conn->broken || length == 0) {
        return;
    }
    buffer_append(&conn->out, bytes, length);
    conn->above_high |= conn_queued(conn) > CONN_HIGH_WATER;
    if (conn->state == CONN_OPEN && !conn->blocked) {
        loop_flush_add(conn->loop, &conn->flush);
    }
}

/* The peer may have sent its last words before it went: they are read before the end is told. */
static void write_failed(struct conn *conn)
{
    conn->broken = true;
    conn_drop_queue(conn);
    if (conn->state != CONN_OPEN || conn->paused > 0) {
        conn_finish(conn, ERR_CLOSED);
        return;
    }
    conn_set_deadline(conn, CONN_CLOSE_MS);
}

static void tell_drained(struct conn *conn)
{
    if (!conn->above_high || conn_queued(conn) >= CONN_LOW_WATER) {
        return;
    }
    conn->above_high = false;
    if (conn->state == CONN_OPEN && !conn->broken && conn->ops->drained) {
        conn->ops->drained(conn->user);
    }
}

void conn_flush(struct conn *conn)
{
    if (conn->state != CONN_OPEN && conn->state != CONN_FLUSHING) {
        return;
    }
    int rc = conn_send_queued(conn);
    conn->blocked = rc == ERR_AGAIN;
    if (rc < 0 && rc != ERR_AGAIN) {
        write_failed(conn);
        return;
    }
    if (conn->state == CONN_FLUSHING && conn_queued(conn) == 0) {
        say_goodbye(conn);
        return;
    }
    if (conn->layer == CONN_CLEAR_LAST && conn->out_clear == 0) {
        conn->layer = CONN_HANDSHAKE;
        conn_handshake(conn);
        return;
    }
    tell_drained(conn);
}

/* --- reading --- */

static void discard(struct conn *conn)
{
    size_t size;
    char *scratch = loop_scratch(conn->loop, &size);
    ssize_t got = conn_raw_receive(conn, scratch, size);
    if (got == -EAGAIN) {
        return;
    }
    if (got > 0) {
        conn->discarded += (uint32_t)got;
    }
    if (got > 0 && conn->discarded <= DISCARD_MAX) {
        return;
    }
    conn->peer_ended = true;
    if (got < 0 || conn->state == CONN_LINGERING) {
        conn_finish(conn, conn->reason);
    }
}

static void deliver(struct conn *conn)
{
    size_t size;
    char *scratch = loop_scratch(conn->loop, &size);
    ssize_t got = conn_receive(conn, scratch, size);
    if (got > 0) {
        conn->ops->data(conn->user, scratch, (size_t)got);
        return;
    }
    if (got != ERR_AGAIN) {
        conn_end(conn, (int)got);
    }
}

static void readable(struct conn *conn)
{
    switch ((enum conn_state)conn->state) {
    case CONN_OPEN:
        if (conn->layer == CONN_HANDSHAKE) {
            conn_handshake(conn);
        } else if (conn->layer != CONN_CLEAR_LAST && conn->paused == 0) {
            deliver(conn);
        }
        return;
    case CONN_FLUSHING:
        if (conn->layer == CONN_HANDSHAKE) {
            conn_handshake(conn);
            return;
        }
        /* fall through */
    case CONN_LINGERING:
        discard(conn);
        return;
    case CONN_CONNECTING:
    case CONN_CLOSED:
        return;
    }
}

void conn_pause(struct conn *conn)
{
    conn->paused++;
    conn_watch(conn);
}

/* One read takes whole TLS records, so nothing decrypted is ever left behind by a pause. */
void conn_resume(struct conn *conn)
{
    conn->paused--;
    conn_watch(conn);
}

/* --- libuv --- */

static int wanted(const struct conn *conn)
{
    int blocked = conn->blocked ? UV_WRITABLE : 0;
    switch ((enum conn_state)conn->state) {
    case CONN_OPEN:
        if (conn->layer == CONN_HANDSHAKE) {
            return tls_wants_write(conn->tls) ? UV_WRITABLE : UV_READABLE;
        }
        return blocked | (conn->paused > 0 || conn->layer == CONN_CLEAR_LAST ? 0 : UV_READABLE);
    case CONN_FLUSHING:
        if (conn->layer == CONN_HANDSHAKE) {
            return tls_wants_write(conn->tls) ? UV_WRITABLE : UV_READABLE;
        }
        return blocked | (conn->peer_ended || conn->layer == CONN_CLEAR_LAST ? 0 : UV_READABLE);
    case CONN_LINGERING:
        return UV_READABLE;
    case CONN_CONNECTING:
    case CONN_CLOSED:
        break;
    }
    return 0;
}

/* libuv reports an error of the socket as a bad descriptor and stops watching; reading and writing
 * tell what it was, after what came before it. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct conn *conn = CONTAINER_OF(poll, struct conn, poll);
    if (status < 0) {
        events = conn->watched;
        conn->watched = 0;
    }
    if (events & UV_WRITABLE) {
        conn->blocked = false;
        if (conn->layer == CONN_HANDSHAKE) {
            conn_handshake(conn);
        } else {
            conn_flush(conn);
        }
    }
    if (events & UV_READABLE) {
        readable(conn);
    }
    conn_watch(conn);
}

void conn_watch(struct conn *conn)
{
    if (conn->state == CONN_CLOSED || !conn->has_poll) {
        return;
    }
    int events = wanted(conn);
    if (events == conn->watched) {
        return;
    }
    conn->watched = events;
    if (events == 0) {
        uv_poll_stop(&conn->poll);
    } else {
        uv_poll_start(&conn->poll, events, on_poll);
    }
}

/* --- the beginning --- */

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
        conn_set_deadline(conn, CONN_HANDSHAKE_MS);
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
        conn_finish(conn, ERR_SYSTEM);
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
