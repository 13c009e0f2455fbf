/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What happens on a connection: libuv watches its descriptor, which is read and written here, so
 * nothing but the queue and the TLS session costs memory.
 */
#include "common/base/error.h"
#include "common/io/conn_internal.h"

/* What a peer may send after we said goodbye before it is cut off. */
#define DISCARD_MAX ((uint32_t)1024 * 1024)

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
        conn_say_goodbye(conn);
        return;
    }
    if (conn->layer == CONN_CLEAR_LAST && conn->out_clear == 0) {
        conn->layer = CONN_HANDSHAKE;
        conn_handshake(conn);
        return;
    }
    tell_drained(conn);
}

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
