/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * TLS on a connection: the upgrade and the handshake. GnuTLS reads and writes the descriptor
 * itself.
 */
#include "common/base/error.h"
#include "common/io/conn_internal.h"

static ssize_t on_receive(void *user, void *bytes, size_t size)
{
    return conn_raw_receive(user, bytes, size);
}

static ssize_t on_send(void *user, const void *bytes, size_t length)
{
    return conn_raw_send(user, bytes, length);
}

static const struct tls_transport transport = {.receive = on_receive, .send = on_send};

/* From here on nothing is read in clear: what the peer has sent in clear, or still sends, is taken
 * for its part of the handshake, which it is not (CVE-2011-0411). */
void conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name)
{
    if (conn->state > CONN_OPEN) {
        return;
    }
    if (conn->layer != CONN_CLEAR) {
        conn_abort(conn);
        return;
    }
    conn->tls = tls_session_new(context, server_name, &transport, conn);
    conn->layer = CONN_CLEAR_LAST;
    conn->out_clear = conn_queued(conn);
    if (conn->state != CONN_OPEN) {
        return;
    }
    conn_set_deadline(conn, conn->handshake_ms);
    loop_flush_add(conn->loop, &conn->flush);
    conn_watch(conn);
}

void conn_set_handshake_timeout(struct conn *conn, uint32_t ms)
{
    conn->handshake_ms = ms;
}

struct tls_session *conn_tls(struct conn *conn)
{
    return conn->tls;
}

static void secured(struct conn *conn)
{
    conn->layer = CONN_SECURE;
    loop_flush_add(conn->loop, &conn->flush);
    if (conn->state != CONN_OPEN) {
        return;
    }
    conn_clear_deadline(conn);
    if (conn->ops->secured) {
        conn->ops->secured(conn->user);
    }
}

void conn_handshake(struct conn *conn)
{
    int rc = tls_handshake(conn->tls);
    if (rc == ERR_AGAIN) {
        return;
    }
    if (rc == 0) {
        secured(conn);
        return;
    }
    conn_refuse(conn, rc);
}
