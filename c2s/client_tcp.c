/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A client's stream straight on a TCP connection (RFC 6120 §3), with STARTTLS or with TLS from the
 * first byte (XEP-0368).
 */
#include <unistd.h>

#include "c2s/client.h"
#include "common/base/log.h"
#include "common/io/conn.h"

static void tcp_write(void *it, const char *bytes, size_t length)
{
    conn_write(it, bytes, length);
}

static size_t tcp_queued(const void *it)
{
    return conn_queued(it);
}

static bool tcp_has_drained(const void *it)
{
    return conn_has_drained(it);
}

static void tcp_pause(void *it)
{
    conn_pause(it);
}

static void tcp_resume(void *it)
{
    conn_resume(it);
}

static void tcp_close(void *it)
{
    conn_close(it);
}

static void tcp_abort(void *it)
{
    conn_abort(it);
}

static struct tls_session *tcp_tls(void *it)
{
    return conn_tls(it);
}

static const char *tcp_address(const void *it)
{
    return conn_peer_address(it);
}

static const struct transport_ops tcp = {
    .write = tcp_write,
    .queued = tcp_queued,
    .has_drained = tcp_has_drained,
    .pause = tcp_pause,
    .resume = tcp_resume,
    .close = tcp_close,
    .abort = tcp_abort,
    .tls = tcp_tls,
    .address = tcp_address,
    .name = "tcp",
};

static void on_secured(void *user)
{
    client_transport_secured(user);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    client_transport_data(user, bytes, length);
}

static void on_drained(void *user)
{
    client_transport_drained(user);
}

static void on_closed(void *user, int reason)
{
    client_transport_closed(user, reason);
}

static const struct conn_ops conn_ops = {
    .secured = on_secured,
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

struct conn *client_conn(struct client *client)
{
    return client->transport.ops == &tcp ? client->transport.it : NULL;
}

void client_accept(struct worker *worker, int fd, const char *peer, bool direct_tls)
{
    struct client *client;

    if (!client_is_welcome(worker, peer)) {
        close(fd);
        return;
    }
    client = client_new(worker, &client_profile, peer);
    client->transport =
        (struct transport){&tcp, conn_accepted(worker->loop, fd, &conn_ops, client)};
    client_begin(client);
    client->direct_tls = direct_tls;
    if (direct_tls)
        client_begin_tls(client);
}
