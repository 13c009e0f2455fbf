/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The bytes of a connection: reading and writing the descriptor, in clear or under TLS, and the
 * queue of what is still to be sent.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/base/error.h"
#include "common/io/conn_internal.h"

/* Sent bytes at the front of the queue are removed once they are worth moving the rest. */
#define COMPACT_AT ((size_t)64 * 1024)

ssize_t conn_raw_receive(struct conn *conn, void *bytes, size_t size)
{
    ssize_t got;
    do {
        got = recv(conn->fd, bytes, size, 0);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

ssize_t conn_raw_send(struct conn *conn, const void *bytes, size_t length)
{
    ssize_t sent;
    do {
        sent = send(conn->fd, bytes, length, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

static ssize_t raw_result(ssize_t result)
{
    if (result >= 0) {
        return result;
    }
    return result == -EAGAIN || result == -EWOULDBLOCK ? ERR_AGAIN : ERR_CLOSED;
}

ssize_t conn_receive(struct conn *conn, void *bytes, size_t size)
{
    if (conn->layer == CONN_SECURE) {
        return tls_read(conn->tls, bytes, size);
    }
    return raw_result(conn_raw_receive(conn, bytes, size));
}

ssize_t conn_send(struct conn *conn, const void *bytes, size_t length)
{
    if (conn->layer == CONN_SECURE) {
        return tls_write(conn->tls, bytes, length);
    }
    return raw_result(conn_raw_send(conn, bytes, length));
}

size_t conn_queued(const struct conn *conn)
{
    return conn->out.length - conn->out_sent;
}

bool conn_has_drained(const struct conn *conn)
{
    int unacknowledged = 0;

    return conn->fd >= 0 && conn_queued(conn) == 0 &&
           ioctl(conn->fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
}

size_t conn_sendable(const struct conn *conn)
{
    switch ((enum conn_layer)conn->layer) {
    case CONN_CLEAR:
    case CONN_SECURE:
        return conn_queued(conn);
    case CONN_CLEAR_LAST:
        return conn->out_clear;
    case CONN_HANDSHAKE:
        break;
    }
    return 0;
}

void conn_drop_queue(struct conn *conn)
{
    buffer_fini(&conn->out);
    conn->out_sent = 0;
    conn->out_clear = 0;
}

static void sent(struct conn *conn, size_t length)
{
    conn->out_sent += length;
    conn->out_clear -= MIN(conn->out_clear, length);
    if (conn->out_sent == conn->out.length) {
        conn_drop_queue(conn);
        return;
    }
    if (conn->out_sent >= COMPACT_AT && conn->out_sent >= conn->out.length / 2) {
        buffer_consume(&conn->out, conn->out_sent);
        conn->out_sent = 0;
    }
}

int conn_send_queued(struct conn *conn)
{
    size_t left;
    while ((left = conn_sendable(conn)) > 0) {
        ssize_t taken = conn_send(conn, conn->out.data + conn->out_sent, left);
        if (taken < 0) {
            return (int)taken;
        }
        sent(conn, (size_t)taken);
    }
    return 0;
}
