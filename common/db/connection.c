/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Connecting, losing and connecting again.
 */
#include "common/db/connection.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/db/sqlstate.h"

/* libpq's connect_timeout only works in its blocking functions. */
#define CONNECT_MS     5000
#define BACKOFF_MS     100
#define BACKOFF_CAP_MS 2000
/* A connection that lasted this long starts the back-off anew. */
#define STEADY_MS 1000

static const char *const state_names[] = {"down", "connecting", "ready", "closed"};

static void enter(struct connection *connection, enum connection_state state)
{
    enum connection_state old = connection->state;

    connection->state = state;
    log_debug("db_connection", LOG_TEXT("was", state_names[old]),
              LOG_TEXT("is", state_names[state]));
    timer_stop(connection->timer);
    if (old == CONNECTION_READY) {
        connection->down_since = pool_now(connection->db);
    }
    if (state == CONNECTION_CONNECTING) {
        timer_start(connection->timer, CONNECT_MS, 0);
    } else if (state == CONNECTION_DOWN) {
        timer_start(connection->timer,
                    backoff_ms(connection->attempt++, BACKOFF_MS, BACKOFF_CAP_MS), 0);
    }
    if ((state == CONNECTION_READY) != (old == CONNECTION_READY)) {
        pool_ready_changed(connection->db, state == CONNECTION_READY ? 1 : -1);
    }
}

static void free_poll(uv_handle_t *handle)
{
    free(handle);
}

/* Always before libpq may close the socket: a new one could get the same number, and libuv would
 * not see that its registration is gone. */
static void unwatch(struct connection *connection)
{
    if (connection->poll != NULL) {
        uv_close((uv_handle_t *)connection->poll, free_poll);
        connection->poll = NULL;
        connection->events = 0;
    }
}

static void forget_prepared(struct connection *connection)
{
    struct prepared *prepared, *next;

    HASH_ITER (hh, connection->prepared, prepared, next) {
        HASH_DEL(connection->prepared, prepared);
        free(prepared);
    }
}

static void drop(struct connection *connection)
{
    unwatch(connection);
    PQfinish(connection->pg);
    connection->pg = NULL;
    forget_prepared(connection);
}

void connection_lose(struct connection *connection)
{
    bool steady = connection->state == CONNECTION_READY &&
                  clock_monotonic_ms() - connection->ready_since >= STEADY_MS;

    if (steady) {
        connection->attempt = 0;
    }
    drop(connection);
    enter(connection, CONNECTION_DOWN);
    pipeline_lost(connection);
}

static void lose_with_message(struct connection *connection)
{
    sqlstate_describe_connection(connection->pg, &connection->db->problem);
    connection_lose(connection);
}

static void lose_with_text(struct connection *connection, const char *problem)
{
    buffer_clear(&connection->db->problem);
    buffer_append_text(&connection->db->problem, problem);
    connection_lose(connection);
}

static void ready(struct connection *connection)
{
    PGconn *pg = connection->pg;
    const char *encoding = PQparameterStatus(pg, "server_encoding");

    /* Any other encoding would refuse part of Unicode, or accept what is not UTF-8. */
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
        lose_with_text(connection, "the encoding of the database is not UTF8");
        return;
    }
    if (PQsetnonblocking(pg, 1) != 0 || PQenterPipelineMode(pg) != 1) {
        lose_with_message(connection);
        return;
    }
    connection->ready_since = clock_monotonic_ms();
    connection_watch(connection, UV_READABLE);
    enter(connection, CONNECTION_READY);
    group_kick(connection);
}

static void proceed(struct connection *connection)
{
    unwatch(connection);
    switch (PQconnectPoll(connection->pg)) {
    case PGRES_POLLING_READING:
        connection_watch(connection, UV_READABLE);
        return;
    case PGRES_POLLING_WRITING:
        connection_watch(connection, UV_WRITABLE);
        return;
    case PGRES_POLLING_OK:
        ready(connection);
        return;
    default:
        lose_with_message(connection);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct connection *connection = poll->data;

    if (connection->state == CONNECTION_CONNECTING) {
        proceed(connection);
    } else {
        /* With an error reading tells what it is. libuv has stopped to watch, and what is to be
         * read may be the server's last words: the end of the connection comes behind them. */
        if (status < 0) {
            connection->events = 0;
        }
        pipeline_event(connection, status < 0 ? UV_READABLE : events);
    }
}

void connection_watch(struct connection *connection, int events)
{
    if (connection->poll == NULL) {
        connection->poll = xcalloc(1, sizeof(*connection->poll));
        connection->poll->data = connection;
        if (uv_poll_init(loop_uv(connection->db->loop), connection->poll,
                         PQsocket(connection->pg)) < 0) {
            /* No descriptors left: the connect timer, or the deadline of units, ends it. */
            free(connection->poll);
            connection->poll = NULL;
            return;
        }
    }
    if (connection->events != events) {
        connection->events = events;
        uv_poll_start(connection->poll, events, on_poll);
    }
}

static void connect_now(struct connection *connection)
{
    /* The first is expanded, the following override what it says. GSSAPI would do blocking
     * look-ups. TCP gives up on a peer that does not acknowledge as soon as units would. */
    const struct db *db = connection->db;
    char *options = connection->writer ? NULL : db_reader_options(db->conninfo, db->deadline_ms);
    const char *const keywords[] = {"dbname",
                                    "gssencmode",
                                    "client_encoding",
                                    "tcp_user_timeout",
                                    "application_name",
                                    options ? "options" : NULL,
                                    NULL};
    const char *const values[] = {db->conninfo,         "disable", "UTF8", "10000",
                                  db->application_name, options,   NULL};

    enter(connection, CONNECTION_CONNECTING);
    connection->pg = PQconnectStartParams(keywords, values, 1);
    free(options);
    PQsetNoticeReceiver(connection->pg, pipeline_notice, connection);
    if (PQstatus(connection->pg) == CONNECTION_BAD) {
        lose_with_message(connection);
        return;
    }
    /* "Behave as if PQconnectPoll() last returned PGRES_POLLING_WRITING". */
    connection_watch(connection, UV_WRITABLE);
}

static void timer_fired(void *user)
{
    struct connection *connection = user;

    if (connection->state == CONNECTION_CONNECTING) {
        lose_with_text(connection, "connecting timed out");
    } else {
        connect_now(connection);
    }
}

struct connection *connection_open(struct db *db, bool writer)
{
    struct connection *connection = xcalloc(1, sizeof(*connection));

    connection->db = db;
    connection->writer = writer;
    connection->down_since = pool_now(db);
    connection->wake = UINT64_MAX;
    connection->timer = timer_new(db->loop, timer_fired, connection);
    connection->deadlines = timer_new(db->loop, deadline_passed, connection);
    if (!db->unusable) {
        timer_start(connection->timer, 0, 0);
    }
    return connection;
}

uint64_t connection_waiting_since(const struct connection *connection)
{
    uint64_t since = connection->state == CONNECTION_READY ? 0 : connection->down_since;

    if (connection->groups != NULL && connection->groups->units != NULL) {
        return connection->groups->units->submitted;
    }
    return connection->waiting != NULL ? connection->waiting->submitted : since;
}

void connection_hurry(struct connection *connection)
{
    if (connection->state == CONNECTION_DOWN) {
        timer_start(connection->timer, 0, 0);
    }
}

void connection_close(struct connection *connection)
{
    if (connection->task != NULL) {
        loop_defer_cancel(connection->task);
    }
    drop(connection);
    enter(connection, CONNECTION_CLOSED);
    pipeline_end(connection);
    timer_close(connection->timer);
    timer_close(connection->deadlines);
    free(connection);
}
