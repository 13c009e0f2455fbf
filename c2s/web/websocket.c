/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A client's stream on a WebSocket (RFC 7395).
 */
#include "common/http/websocket.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/client.h"
#include "c2s/web/connection.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

struct socket {
    struct client *client;
    struct conn *conn;
    struct websocket *websocket;
    struct loop_task *reading; /* what waited while paused is to be read */
    char *address;
    unsigned paused;
    bool tls;
    bool closing; /* our closing frame is out */
};

/* The transport. */

static void socket_write(void *it, const char *bytes, size_t length)
{
    struct socket *socket = it;
    struct buffer frame = {0};

    if (socket->closing)
        return;
    websocket_write_text(&frame, bytes, length);
    conn_write(socket->conn, frame.data, frame.length);
    buffer_fini(&frame);
}

static size_t socket_queued(const void *it)
{
    const struct socket *socket = it;

    return conn_queued(socket->conn);
}

static bool socket_has_drained(const void *it)
{
    const struct socket *socket = it;

    return conn_has_drained(socket->conn);
}

static void socket_pause(void *it)
{
    struct socket *socket = it;

    socket->paused++;
    conn_pause(socket->conn);
}

static void read_on(void *user)
{
    struct socket *socket = user;

    socket->reading = NULL;
    websocket_feed(socket->websocket, NULL, 0);
}

static void socket_resume(void *it)
{
    struct socket *socket = it;

    conn_resume(socket->conn);
    if (--socket->paused == 0 && socket->reading == NULL)
        socket->reading = loop_defer(socket->client->worker->loop, read_on, socket);
}

static void send_close(struct socket *socket, unsigned code)
{
    struct buffer frame = {0};

    if (socket->closing)
        return;
    socket->closing = true;
    websocket_write_close(&frame, code);
    conn_write(socket->conn, frame.data, frame.length);
    buffer_fini(&frame);
    conn_close(socket->conn);
}

static void socket_close(void *it)
{
    send_close(it, WEBSOCKET_NORMAL);
}

static void socket_abort(void *it)
{
    struct socket *socket = it;

    socket->closing = true;
    conn_abort(socket->conn);
}

static struct tls_session *socket_tls(void *it)
{
    struct socket *socket = it;

    return socket->tls ? conn_tls(socket->conn) : NULL;
}

static const char *socket_address(const void *it)
{
    const struct socket *socket = it;

    return socket->address;
}

static const struct transport_ops transport = {
    .write = socket_write,
    .queued = socket_queued,
    .has_drained = socket_has_drained,
    .pause = socket_pause,
    .resume = socket_resume,
    .close = socket_close,
    .abort = socket_abort,
    .tls = socket_tls,
    .address = socket_address,
    .name = "websocket",
};

/* What the WebSocket says. */

static void on_text(void *user, const char *bytes, size_t length, bool last)
{
    struct socket *socket = user;

    if (!socket->closing)
        stream_feed_frame(socket->client->stream, bytes, length, last);
}

/* Who asks and does not read the answers cannot make us keep them. */
static void on_pong(void *user, const char *bytes, size_t length)
{
    struct socket *socket = user;

    if (!socket->closing && !client_is_full(socket->client))
        conn_write(socket->conn, bytes, length);
}

/* Without <close/> in front the stream is not closed, only its connection (RFC 7395 §3.6). */
static void on_websocket_closed(void *user, unsigned code)
{
    struct socket *socket = user;

    log_debug("websocket_closed", LOG_TEXT("addr", socket->address), LOG_INT("code", code));
    send_close(socket, WEBSOCKET_NORMAL);
}

static void on_failed(void *user, unsigned code)
{
    struct socket *socket = user;

    log_debug("websocket_failed", LOG_TEXT("addr", socket->address), LOG_INT("code", code));
    send_close(socket, code);
}

static bool is_paused(void *user)
{
    const struct socket *socket = user;

    return socket->paused > 0 || socket->closing;
}

static const struct websocket_ops websocket_ops = {
    .text = on_text,
    .pong = on_pong,
    .closed = on_websocket_closed,
    .failed = on_failed,
    .paused = is_paused,
};

/* What the connection says. */

static void on_data(void *user, const char *bytes, size_t length)
{
    struct socket *socket = user;

    client_heard(socket->client, length);
    websocket_feed(socket->websocket, bytes, length);
}

static void on_drained(void *user)
{
    struct socket *socket = user;

    client_transport_drained(socket->client);
}

static void on_closed(void *user, int reason)
{
    struct socket *socket = user;

    client_transport_closed(socket->client, reason);
    if (socket->reading)
        loop_defer_cancel(socket->reading);
    websocket_free(socket->websocket);
    free(socket->address);
    free(socket);
}

static const struct conn_ops conn_ops = {
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

/* The request. */

static bool is_valid(const struct http_head *head)
{
    const char *key = http_header(head, "sec-websocket-key");
    const char *version = http_header(head, "sec-websocket-version");

    return http_has_token(http_header(head, "upgrade"), "websocket") &&
           http_header_count(head, "sec-websocket-key") == 1 && websocket_key_is_valid(key) &&
           version && strcmp(version, "13") == 0 &&
           http_has_token(http_header(head, "sec-websocket-protocol"), "xmpp");
}

static void write_answer(struct conn *conn, const struct http_head *head)
{
    struct buffer out = {0};

    buffer_append_text(&out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Protocol: xmpp\r\n"
                             "Sec-WebSocket-Accept: ");
    websocket_accept(&out, http_header(head, "sec-websocket-key"));
    buffer_append_text(&out, "\r\n\r\n");
    conn_write(conn, out.data, out.length);
    buffer_fini(&out);
}

static bool upgrade(struct web_connection *connection, const struct http_head *head)
{
    struct worker *worker = connection->web->worker;
    struct socket *socket;
    char *address;

    if (!is_valid(head))
        return false;
    address = web_client_address(connection, head);
    if (!connection->counted && !client_is_welcome(worker, address)) {
        free(address);
        return false;
    }
    socket = xcalloc(1, sizeof(*socket));
    socket->address = address;
    socket->tls = connection->tls;
    socket->websocket = websocket_new(&websocket_ops, socket);
    socket->client = client_new(worker, &client_profile_framed, address);
    socket->client->transport = (struct transport){&transport, socket};
    socket->conn = web_connection_take(connection, socket, on_data);
    conn_set_ops(socket->conn, &conn_ops, socket);
    write_answer(socket->conn, head);
    client_begin(socket->client);
    client_transport_secured(socket->client);
    return true;
}

/* What was no WebSocket: an ordinary request, or one that was not let in. */
static void begin(struct web_request *request, const struct http_head *head)
{
    bool refused = head->upgrade && is_valid(head);

    web_refuse(request, refused ? 503 : head->upgrade ? 400 : 426);
}

const struct web_route web_websocket = {
    .path = "/xmpp-websocket",
    .methods = "GET",
    .begin = begin,
    .upgrade = upgrade,
};
