/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * HTTP connections: requests in, answers out.
 */
#include "c2s/web/connection.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "c2s/admission.h"
#include "c2s/client.h"
#include "c2s/domain.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"

/* Requests that one connection may have open; further ones are not read before. */
#define REQUESTS_MAX 8
/* How long a connection may stay without a request. */
#define KEEP_ALIVE_MS 60000

static void feed(struct web_connection *connection, const char *bytes, size_t length);

static void free_request(struct web_request *request)
{
    buffer_fini(&request->answer);
    free(request->origin);
    free(request);
}

/* What nobody answers has a limit in time: a request that comes slowly, or none at all. */
static void set_timer(struct web_connection *connection)
{
    if (connection->closing)
        timer_stop(connection->timer);
    else if (!http_reader_is_idle(connection->reader))
        timer_start(connection->timer, connection->web->worker->limits.login_ms, 0);
    else if (connection->requests == NULL)
        timer_start(connection->timer, KEEP_ALIVE_MS, 0);
    else
        timer_stop(connection->timer);
}

static void close_now(struct web_connection *connection)
{
    if (connection->closing)
        return;
    connection->closing = true;
    timer_stop(connection->timer);
    conn_close(connection->conn);
}

static void on_timer(void *user)
{
    close_now(user);
}

/* Answers that are next in order. */
static void flush(struct web_connection *connection)
{
    struct web_request *request = connection->requests;

    while (request && request->answered && request->ended) {
        connection->requests = request->next;
        connection->requests_count--;
        conn_write(connection->conn, request->answer.data, request->answer.length);
        free_request(request);
        request = connection->requests;
    }
    if (request == NULL && (connection->last || connection->web->stopping))
        close_now(connection);
    if (connection->feeding)
        return;
    if (connection->unread.length > 0)
        feed(connection, NULL, 0);
    if (!connection->upgraded)
        set_timer(connection);
}

/* Another one of this node, which brings what came to it. */
static bool is_worker(const struct web_connection *connection)
{
    return strcmp(connection->address, "unix") == 0;
}

static void write_head(struct web_request *request, unsigned status, const char *type,
                       size_t length)
{
    struct buffer *out = &request->answer;

    buffer_printf(out, "HTTP/1.1 %u %s\r\n", status, web_reason(status));
    if (type)
        buffer_printf(out, "Content-Type: %s\r\n", type);
    if (status == 405 && request->route)
        buffer_printf(out, "Allow: %s, OPTIONS\r\n", request->route->methods);
    if (status == 426)
        buffer_append_text(out, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    if (status == 503 || status == 429)
        buffer_append_text(out, "Retry-After: 30\r\n");
    web_write_cors(out, request, status == 204);
    if (request->connection->proved && is_worker(request->connection))
        buffer_append_text(out, WEB_PROVED ": yes\r\n");
    if (request->connection->last)
        buffer_append_text(out, "Connection: close\r\n");
    if (status != 204)
        buffer_printf(out, "Content-Length: %zu\r\n", length);
    buffer_append_text(out, "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n");
}

void web_answer(struct web_request *request, unsigned status, const char *type, const char *body,
                size_t length)
{
    if (request->answered)
        return;
    if (!request->ended && request->has_body)
        request->connection->last = true; /* what is left of it is not read */
    write_head(request, status, type, length);
    if (!request->bodiless && length > 0)
        buffer_append(&request->answer, body, length);
    request->answered = true;
    if (request->ended)
        flush(request->connection);
}

void web_refuse(struct web_request *request, unsigned status)
{
    const char *reason = web_reason(status);

    web_answer(request, status, "text/plain; charset=utf-8", reason, strlen(reason));
}

static bool is_method(const struct web_route *route, const char *method)
{
    return strcmp(method, route->methods) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->methods, "GET") == 0);
}

static void begin(struct web_request *request, const struct http_head *head)
{
    struct web *web = request->connection->web;
    const struct web_route *route = request->route;

    if (http_header_count(head, "host") != 1)
        web_refuse(request, 400); /* RFC 9112 §3.2 */
    else if (route == NULL)
        web_refuse(request, 404);
    else if (strcmp(head->method, "OPTIONS") == 0)
        web_answer(request, 204, NULL, NULL, 0);
    else if (!route->is_public && !web_allows_origin(web, request->origin))
        web_refuse(request, 403);
    else if (!route->is_public && !request->connection->secure)
        web_refuse(request, 403);
    else if (!is_method(route, head->method))
        web_refuse(request, 405);
    else
        route->begin(request, head);
}

static bool has_body(const struct http_head *head)
{
    const char *length = http_header(head, "content-length");

    return http_header(head, "transfer-encoding") || (length && strcmp(length, "0") != 0);
}

static struct web_request *add_request(struct web_connection *connection,
                                       const struct http_head *head)
{
    struct web_request *request = xcalloc(1, sizeof(*request));

    request->connection = connection;
    request->route = web_route_find(head->path);
    request->origin = xstrdup_or_null(http_header(head, "origin"));
    request->has_body = has_body(head);
    request->bodiless = strcmp(head->method, "HEAD") == 0;
    LL_APPEND(connection->requests, request);
    connection->requests_count++;
    connection->reading = request;
    return request;
}

static bool on_head(void *user, const struct http_head *head)
{
    struct web_connection *connection = user;
    const struct web_route *route = web_route_find(head->path);

    if (head->upgrade && route && route->upgrade && connection->requests == NULL &&
        connection->secure && strcmp(head->method, "GET") == 0 &&
        http_header_count(head, "host") == 1 &&
        web_allows_origin(connection->web, http_header(head, "origin")) &&
        route->upgrade(connection, head))
        return true;
    if (connection->closing)
        return false;
    connection->last = !head->keep_alive;
    begin(add_request(connection, head), head);
    return false;
}

static void end_request(struct web_connection *connection)
{
    connection->reading->ended = true;
    connection->reading = NULL;
    flush(connection);
}

static void on_body(void *user, const char *bytes, size_t length)
{
    struct web_connection *connection = user;
    struct web_request *request = connection->reading;

    if (request == NULL || connection->closing)
        return;
    if (!request->answered && request->route->body)
        request->route->body(request, bytes, length);
    else if (!request->answered)
        web_refuse(request, 413);
    if (request->answered) { /* the rest of it is of no interest */
        connection->last = true;
        end_request(connection);
    }
}

static void on_end(void *user)
{
    struct web_connection *connection = user;
    struct web_request *request = connection->reading;

    if (request == NULL || connection->closing)
        return;
    if (!request->answered && request->route->end) {
        request->ended = true;
        connection->reading = NULL;
        request->route->end(request); /* which may answer, and the request is gone */
        return;
    }
    end_request(connection);
}

static const struct http_reader_ops reader_ops = {
    .head = on_head,
    .body = on_body,
    .end = on_end,
};

/* What cannot be read as a request; nothing that follows can be read either. */
static void refuse_bytes(struct web_connection *connection, unsigned status)
{
    struct web_request *request = connection->reading;

    connection->last = true;
    if (connection->closing)
        return;
    if (request == NULL) {
        request = xcalloc(1, sizeof(*request));
        request->connection = connection;
        LL_APPEND(connection->requests, request);
        connection->requests_count++;
    }
    connection->reading = NULL;
    request->ended = true;
    if (!request->answered)
        web_refuse(request, status);
    else
        flush(connection);
}

static void keep_unread(struct web_connection *connection, const char *bytes, size_t length)
{
    struct buffer rest = {0};

    if (length > 0)
        buffer_append(&rest, bytes, length);
    buffer_fini(&connection->unread);
    connection->unread = rest;
    if (connection->paused != (length > 0)) {
        connection->paused = length > 0;
        (connection->paused ? conn_pause : conn_resume)(connection->conn);
    }
}

static void leave_admission(struct web_connection *connection)
{
    if (connection->counted)
        admission_done(connection->web->worker->admission, connection->address);
    connection->counted = false;
}

void web_connection_proved(struct web_connection *connection)
{
    connection->proved = true;
    leave_admission(connection);
}

static void free_connection(void *user)
{
    struct web_connection *connection = user;
    struct web *web = connection->web;

    leave_admission(connection);
    DL_DELETE(web->connections, connection);
    timer_close(connection->timer);
    http_reader_free(connection->reader);
    buffer_fini(&connection->unread);
    domains_unref(connection->domains);
    free(connection->address);
    free(connection);
    worker_web_changed(web->worker);
}

static bool wants_more(const struct web_connection *connection)
{
    if (connection->closing || connection->upgraded)
        return false;
    return connection->reading || (!connection->last && connection->requests_count < REQUESTS_MAX);
}

/* Whoever took the connection gets what came behind the request. */
static void hand_over(struct web_connection *connection, const char *bytes, size_t length)
{
    timer_stop(connection->timer);
    if (length > 0)
        connection->heir_data(connection->heir, bytes, length);
    loop_defer(connection->web->worker->loop, free_connection, connection);
}

/* Reads as many requests as may be open. The connection can be taken over in the middle. */
static void feed(struct web_connection *connection, const char *bytes, size_t length)
{
    struct buffer waiting = connection->unread;

    connection->unread = (struct buffer){0};
    if (waiting.length > 0) {
        if (length > 0)
            buffer_append(&waiting, bytes, length);
        bytes = waiting.data;
        length = waiting.length;
    }
    connection->feeding = true;
    while (length > 0 && wants_more(connection)) {
        ssize_t read = http_reader_feed(connection->reader, bytes, length);
        if (read < 0) {
            refuse_bytes(connection, (unsigned)-read);
            break;
        }
        bytes += read;
        length -= (size_t)read;
    }
    connection->feeding = false;
    if (connection->upgraded)
        hand_over(connection, bytes, length);
    else
        keep_unread(connection, bytes, connection->closing ? 0 : length);
    buffer_fini(&waiting);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct web_connection *connection = user;

    if (connection->closing)
        return;
    feed(connection, bytes, length);
    if (!connection->upgraded)
        set_timer(connection);
}

static void on_closed(void *user, int reason)
{
    struct web_connection *connection = user;
    struct web_request *request = connection->requests;

    (void)reason;
    connection->closing = true;
    connection->requests = NULL;
    while (request) {
        struct web_request *next = request->next;
        if (request->route && request->route->gone && !request->answered)
            request->route->gone(request);
        free_request(request);
        request = next;
    }
    free_connection(connection);
}

static const struct conn_ops conn_ops = {.data = on_data, .closed = on_closed};

static void begin_tls(void *user)
{
    struct web_connection *connection = user;
    uint32_t limit = connection->web->worker->limits.tls_ms;

    timer_close(connection->timer);
    connection->timer = timer_new(connection->web->worker->loop, on_timer, connection);
    conn_set_handshake_timeout(connection->conn, limit);
    conn_start_tls(connection->conn, connection->domains->https, NULL);
    conn_resume(connection->conn);
    set_timer(connection);
}

/* Whoever is on this machine needs no TLS: a proxy in front of us. */
static bool is_near(const struct web *web, const char *peer)
{
    return strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0 || web_is_proxy(web, peer);
}

static bool is_welcome(struct web *web, const char *peer, bool *counted)
{
    *counted = !web_is_proxy(web, peer);
    if (web->stopping) {
        client_not_welcome(web->worker, peer, "stopping");
        return false;
    }
    return !*counted || client_is_welcome(web->worker, peer);
}

void web_accept(struct web *web, int fd, const char *peer, bool tls)
{
    struct web_connection *connection;
    bool counted;

    if (!is_welcome(web, peer, &counted)) {
        close(fd);
        return;
    }
    connection = xcalloc(1, sizeof(*connection));
    connection->web = web;
    connection->counted = counted;
    connection->tls = tls;
    connection->secure = tls || is_near(web, peer);
    connection->address = xstrdup(peer);
    connection->domains = domains_ref(web->worker->domains);
    connection->reader = http_reader_new(&reader_ops, connection);
    connection->conn = conn_accepted(web->worker->loop, fd, &conn_ops, connection);
    DL_APPEND(web->connections, connection);
    connection->timer = timer_new(web->worker->loop, tls ? begin_tls : on_timer, connection);
    if (!tls) {
        set_timer(connection);
        return;
    }
    conn_pause(connection->conn); /* what comes meanwhile is TLS already */
    timer_start(connection->timer, worker_handshake_wait(web->worker), 0);
}

struct conn *web_connection_take(struct web_connection *connection, void *heir,
                                 void (*data)(void *heir, const char *bytes, size_t length))
{
    struct conn *conn = connection->conn;

    connection->counted = false;
    connection->upgraded = true;
    connection->heir = heir;
    connection->heir_data = data;
    return conn;
}

void web_stop(struct web *web)
{
    struct web_connection *connection, *next;

    web->stopping = true;
    DL_FOREACH_SAFE (web->connections, connection, next) {
        if (connection->requests == NULL)
            close_now(connection);
    }
}
