/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Metrics and health by HTTP.
 */
#include "common/service/metrics_http.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/http/reader.h"
#include "common/io/conn.h"
#include "common/io/listener.h"
#include "common/io/timer.h"

struct address {
    struct listener *listener;
    struct address *next;
};

struct visit {
    struct metrics_http *http; /* NULL: it is closed */
    struct conn *conn;
    struct http_reader *reader;
    struct timer *deadline;
    bool answered;
    struct visit *prev, *next;
};

struct metrics_http {
    struct loop *loop;
    const struct metrics *metrics;
    const char *(*problem)(void *user);
    void *user;
    struct address *addresses;
    struct visit *visits;
    size_t count;
};

static void answer(struct visit *visit, const char *status, const char *type,
                   const struct buffer *body, bool with_body)
{
    struct buffer head = {0};

    visit->answered = true;
    buffer_printf(&head,
                  "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                  "Connection: close\r\n\r\n",
                  status, type, body->length);
    conn_write(visit->conn, head.data, head.length);
    if (with_body)
        conn_write(visit->conn, body->data, body->length);
    buffer_fini(&head);
    conn_close(visit->conn);
}

static void answer_text(struct visit *visit, const char *status, const char *text, bool with_body)
{
    struct buffer body = {0};

    buffer_printf(&body, "%s\n", text);
    answer(visit, status, "text/plain; charset=utf-8", &body, with_body);
    buffer_fini(&body);
}

static void answer_metrics(struct visit *visit, bool with_body)
{
    struct buffer body = {0};

    metrics_write(visit->http->metrics, &body);
    answer(visit, "200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8", &body,
           with_body);
    buffer_fini(&body);
}

static bool on_head(void *user, const struct http_head *head)
{
    struct visit *visit = user;
    bool is_head = strcmp(head->method, "HEAD") == 0;
    const char *problem = visit->http->problem(visit->http->user);

    if (!is_head && strcmp(head->method, "GET") != 0)
        answer_text(visit, "405 Method Not Allowed\r\nAllow: GET, HEAD", "only GET and HEAD", true);
    else if (strcmp(head->path, "/metrics") == 0)
        answer_metrics(visit, !is_head);
    else if (strcmp(head->path, "/health") != 0)
        answer_text(visit, "404 Not Found", "there are /metrics and /health", !is_head);
    else
        answer_text(visit, problem ? "503 Service Unavailable" : "200 OK", problem ? problem : "ok",
                    !is_head);
    return false;
}

static void on_body(void *user UNUSED, const char *bytes UNUSED, size_t length UNUSED)
{
}

static void on_end(void *user UNUSED)
{
}

static const struct http_reader_ops reader_ops = {.head = on_head, .body = on_body, .end = on_end};

static const char *refusal_text(ssize_t refusal)
{
    return refusal == -431   ? "431 Request Header Fields Too Large"
           : refusal == -501 ? "501 Not Implemented"
                             : "400 Bad Request";
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct visit *visit = user;

    if (visit->answered)
        return;
    ssize_t fed = http_reader_feed(visit->reader, bytes, length);
    if (fed < 0 && !visit->answered)
        answer_text(visit, refusal_text(fed), "this is no request", true);
}

static void on_overdue(void *user)
{
    conn_abort(((struct visit *)user)->conn);
}

static void on_closed(void *user, int reason UNUSED)
{
    struct visit *visit = user;

    if (visit->http) {
        DL_DELETE(visit->http->visits, visit);
        visit->http->count--;
    }
    timer_close(visit->deadline);
    http_reader_free(visit->reader);
    free(visit);
}

static const struct conn_ops visit_ops = {.data = on_data, .closed = on_closed};

static void on_accepted(void *user, int fd, const char *peer UNUSED)
{
    struct metrics_http *http = user;

    if (http->count >= METRICS_HTTP_MAX) {
        close(fd);
        return;
    }
    struct visit *visit = xcalloc(1, sizeof(*visit));
    visit->http = http;
    visit->reader = http_reader_new(&reader_ops, visit);
    visit->deadline = timer_new(http->loop, on_overdue, visit);
    timer_start(visit->deadline, METRICS_HTTP_TIME_MS, 0);
    DL_APPEND(http->visits, visit);
    http->count++;
    visit->conn = conn_accepted(http->loop, fd, &visit_ops, visit);
}

struct metrics_http *metrics_http_new(struct loop *loop, const struct metrics *metrics,
                                      const char *(*problem)(void *user), void *user)
{
    struct metrics_http *http = xcalloc(1, sizeof(*http));

    http->loop = loop;
    http->metrics = metrics;
    http->problem = problem;
    http->user = user;
    return http;
}

int metrics_http_listen(struct metrics_http *http, const char *text, const char **problem)
{
    const struct listener_settings settings = {.address = text, .backlog = METRICS_HTTP_MAX};
    struct address *address = xcalloc(1, sizeof(*address));

    int error =
        listener_open(http->loop, &settings, on_accepted, http, &address->listener, problem);
    if (error) {
        free(address);
        return error;
    }
    LL_APPEND(http->addresses, address);
    return 0;
}

void metrics_http_close(struct metrics_http *http)
{
    struct address *address, *following;
    struct visit *visit, *next;

    LL_FOREACH_SAFE (http->addresses, address, following) {
        listener_close(address->listener);
        free(address);
    }
    DL_FOREACH_SAFE (http->visits, visit, next) {
        DL_DELETE(http->visits, visit);
        visit->http = NULL;
        visit->answered = true;
        conn_abort(visit->conn);
    }
    free(http);
}
