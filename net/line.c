/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A connection with another node, from its beginning to its end.
 */
#include "net/line.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/xmpp/namespaces.h"
#include "net/document.h"

/* --- the end --- */

static void note(struct line *line, const char *problem)
{
    if (!line->problem)
        line->problem = xstrdup_or_null(problem);
}

static void no_stranger(struct line *line)
{
    if (line->stranger)
        gate_leave(line->server->gate, line->address);
    line->stranger = false;
}

/* Once, however it came about: nothing is on it from now on. */
static void end(struct line *line)
{
    struct peer *peer = line->peer;
    if (line->ended)
        return;
    line->ended = true;
    timer_stop(line->deadline);
    log_info("net_line_ended", LOG_TEXT("sid", stream_id(line->stream)),
             LOG_TEXT("host", peer ? peer->host : NULL), LOG_TEXT("addr", line->address),
             LOG_TEXT("reason", line->problem));
    line->peer = NULL;
    if (peer)
        peer_line_ended(peer, line);
}

void line_log_incompatible(const struct line *line, const char *reason)
{
    log_warn("net_incompatible", LOG_TEXT("host", line->peer ? line->peer->host : NULL),
             LOG_TEXT("addr", line->address), LOG_TEXT("reason", reason));
}

void line_close(struct line *line, enum stream_condition condition, const char *text)
{
    note(line, text ? text : stream_condition_name(condition));
    if (!line->ended)
        stream_fail(line->stream, condition, text);
}

void line_fail(struct line *line, const char *problem)
{
    note(line, problem);
    end(line);
    conn_abort(line->conn);
}

void line_abandon(struct line *line)
{
    line->peer = NULL;
    note(line, "given up");
    end(line);
    conn_abort(line->conn);
}

void lines_forget(struct server *server, const struct peer *peer, enum stream_condition why)
{
    struct line *line, *next;
    DL_FOREACH_SAFE (server->lines, line, next) {
        if (line->peer != peer)
            continue;
        line->peer = NULL;
        if (stream_has_flag(line->stream, STREAM_AUTHENTICATED))
            line_close(line, why, NULL);
        else
            line_abandon(line);
    }
}

/* --- the stream --- */

static void on_write(void *user, const char *bytes, size_t length)
{
    struct line *line = user;
    conn_write(line->conn, bytes, length);
}

static void on_hold(void *user, bool hold)
{
    struct line *line = user;
    (hold ? conn_pause : conn_resume)(line->conn);
}

static void on_arm(void *user, uint64_t after_ms)
{
    struct line *line = user;
    if (after_ms > 0)
        timer_start(line->timer, after_ms, 0);
    else
        timer_stop(line->timer);
}

/* What the peer has said. */
static bool is_about_versions(const char *text)
{
    const char *name = stream_condition_name(STREAM_UNSUPPORTED_VERSION);
    return text && strncmp(text, name, strlen(name)) == 0;
}

static void on_ended(void *user, int condition, const char *text, bool abrupt)
{
    struct line *line = user;
    if (condition < 0 && is_about_versions(text))
        line_log_incompatible(line, text);
    if (condition >= 0)
        note(line, stream_condition_name((enum stream_condition)condition));
    else
        note(line, text ? text : "the other node closed it");
    end(line);
    (abrupt ? conn_abort : conn_close)(line->conn);
}

static const struct stream_ops stream_ops = {
    .write = on_write,
    .header = line_header,
    .features = line_features,
    .stanza = line_stanza,
    .hold = on_hold,
    .arm = on_arm,
    .ended = on_ended,
};

static const struct stream_feature *const features[] = {
    &line_protocols, &line_sm, &line_counting, &line_durable, &line_document, &line_notes, NULL};

static const struct stream_profile profiles[] = {
    [STREAM_ACCEPTOR] = {.role = STREAM_ACCEPTOR,
                         .content_ns = NS_LINK,
                         .has_version = true,
                         .stanzas_require = STREAM_BOUND,
                         .features = features},
    [STREAM_INITIATOR] = {.role = STREAM_INITIATOR,
                          .content_ns = NS_LINK,
                          .has_version = true,
                          .stanzas_require = STREAM_BOUND,
                          .features = features},
};

void line_write(struct line *line, const char *bytes, size_t length)
{
    if (!line->ended)
        stream_send_bytes(line->stream, bytes, length);
}

bool line_has_room(const struct line *line)
{
    return !line->ended && stream_state(line->stream) == STREAM_READY &&
           conn_queued(line->conn) <= CONN_HIGH_WATER;
}

/* --- the connection --- */

static void on_connected(void *user)
{
    struct line *line = user;
    conn_start_tls(line->conn, line->server->tls_dial, line->peer->host);
}

static void on_secured(void *user)
{
    struct line *line = user;
    if (!line->ended)
        line_secured(line);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    struct line *line = user;
    stream_feed(line->stream, bytes, length);
}

static void on_drained(void *user)
{
    struct line *line = user;
    if (line->peer && line->is_link)
        peer_flush(line->peer);
}

static void line_free(struct line *line)
{
    struct server *server = line->server;
    no_stranger(line);
    DL_DELETE(server->lines, line);
    stream_free(line->stream);
    timer_close(line->timer);
    timer_close(line->deadline);
    free(line->address);
    free(line->problem);
    free(line);
    server_line_closed(server);
}

static void note_closing(struct line *line, int reason)
{
    const struct tls_session *tls = conn_tls(line->conn);
    if (reason == ERR_TLS && tls) {
        char *problem = xasprintf("TLS failed: %s", tls_problem(tls));
        note(line, problem);
        free(problem);
    } else if (conn_dial_problem(line->conn)) {
        note(line, conn_dial_problem(line->conn));
    } else {
        note(line, reason ? error_text(reason) : "the other node closed the connection");
    }
}

static void on_closed(void *user, int reason)
{
    struct line *line = user;
    note_closing(line, reason);
    end(line);
    line_free(line);
}

static const struct conn_ops conn_ops = {
    .connected = on_connected,
    .secured = on_secured,
    .data = on_data,
    .drained = on_drained,
    .closed = on_closed,
};

/* --- the beginning --- */

static void on_timer(void *user)
{
    struct line *line = user;
    stream_timeout(line->stream);
}

static void on_deadline(void *user)
{
    line_fail(user, "the other node did not answer in time");
}

static struct line *line_new(struct server *server, enum stream_role role, const char *address)
{
    struct line *line = xcalloc(1, sizeof(*line));
    line->server = server;
    line->address = xstrdup(address);
    line->dialled = role == STREAM_INITIATOR;
    line->timer = timer_new(server->loop, on_timer, line);
    line->deadline = timer_new(server->loop, on_deadline, line);
    line->stream = stream_new(&profiles[role], server->parsers, &server->limits.before_auth,
                              &stream_ops, line);
    timer_start(line->deadline, server->limits.negotiation_ms, 0);
    DL_APPEND(server->lines, line);
    return line;
}

struct line *line_dial(struct peer *peer, const char *address)
{
    struct line *line = line_new(peer->server, STREAM_INITIATOR, address);
    line->peer = peer;
    log_debug("net_dialling", LOG_TEXT("host", peer->host), LOG_TEXT("addr", address));
    line->conn = conn_connect(peer->server->loop, address, &conn_ops, line);
    return line;
}

static bool is_welcome(struct server *server, const char *address)
{
    const char *limit = server->stopping ? NULL : gate_enter(server->gate, address);

    if (!limit)
        return !server->stopping;
    limit_reached(limit);
    if (gate_tells(server->gate, address, clock_monotonic_ms()))
        log_info("net_connection_refused", LOG_TEXT("addr", address), LOG_TEXT("reason", limit));
    return false;
}

void line_accept(struct server *server, int fd, const char *address)
{
    if (!is_welcome(server, address)) {
        close(fd);
        return;
    }
    struct line *line = line_new(server, STREAM_ACCEPTOR, address);
    line->stranger = true;
    line->conn = conn_accepted(server->loop, fd, &conn_ops, line);
    if (server->congested)
        conn_pause(line->conn);
    stream_open(line->stream, NULL, server->host);
    conn_start_tls(line->conn, server->tls_accept, NULL);
}
