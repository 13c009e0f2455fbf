/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * libmicrohttpd on libuv. Its epoll descriptor is readable when it has something to do, and it says
 * when it wants to be called though nothing came. A certificate is changed by a new daemon on the
 * same socket: the old one serves its connections until they end.
 */
#include "files/http.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>
#include <utlist.h>
#include <uv.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/address.h"
#include "common/io/listener.h"
#include "common/io/timer.h"
#include "common/tls/tls.h"

/* For the header of a request, of which more than this is refused (431), and that of its answer. */
#define MEMORY_MAX (20 * 1024)
/* A run moves a piece of each file. So many may follow each other before others have their turn. */
#define RUNS_MAX 32
/* Of a file under TLS: what a record takes. libmicrohttpd alone would read a quarter of it. */
#define PIECE (16 * 1024)

struct engine {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    struct timer *timer;
    bool tls;
    bool retired; /* accepts nothing more */
    struct engine *prev, *next;
};

struct http_server {
    struct loop *loop;
    const struct http_ops *ops;
    void *user;
    struct address address;
    unsigned idle_s, connections, per_address;
    struct engine *engines; /* the last one accepts */
    int socket;             /* it listens, each engine at a copy; -1: not open yet */
    size_t waiting;         /* suspended exchanges */
    struct loop_task *task; /* runs the engines */
    void (*closed)(void *user);
    void *closed_user;
};

/* `exchange` is what handlers see. */
struct exchange {
    struct http_exchange exchange;
    struct engine *engine;
    struct MHD_Connection *connection;
    struct MHD_Response *response; /* to be sent when the engine asks next */
    unsigned status;
    bool ended, suspended, sent;
};

static struct exchange *exchange_of(const struct http_exchange *exchange)
{
    return CONTAINER_OF(exchange, struct exchange, exchange);
}

/* --- engines --- */

static void on_engine_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_poll_t *)handle, struct engine, poll));
}

static void free_engine(struct engine *engine)
{
    struct http_server *server = engine->server;

    DL_DELETE(server->engines, engine);
    uv_poll_stop(&engine->poll);
    timer_close(engine->timer);
    MHD_stop_daemon(engine->daemon);
    uv_close((uv_handle_t *)&engine->poll, on_engine_closed);
}

static bool is_idle(const struct engine *engine)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(engine->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info == NULL || info->num_connections == 0;
}

static void run(struct engine *engine)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    for (int i = 0; i < RUNS_MAX; i++) {
        MHD_run(engine->daemon);
        if (MHD_get_timeout(engine->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
            break;
    }
    if (engine->retired && is_idle(engine) && !engine->server->closed) {
        free_engine(engine);
        return;
    }
    if (MHD_get_timeout(engine->daemon, &wait_ms) == MHD_YES)
        timer_start(engine->timer, MAX(wait_ms, 1), 0);
    else
        timer_stop(engine->timer);
}

static void on_poll(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
    run(CONTAINER_OF(poll, struct engine, poll));
}

static void on_timer(void *user)
{
    run(user);
}

static void finish_closing(struct http_server *server)
{
    struct engine *engine, *next;
    void (*closed)(void *user) = server->closed;
    void *user = server->closed_user;

    DL_FOREACH_SAFE (server->engines, engine, next)
        free_engine(engine);
    free(server);
    closed(user);
}

static void run_all(void *user)
{
    struct http_server *server = user;
    struct engine *engine, *next;

    server->task = NULL;
    if (server->closed && server->waiting == 0) {
        finish_closing(server);
        return;
    }
    DL_FOREACH_SAFE (server->engines, engine, next)
        run(engine);
}

static void run_soon(struct http_server *server)
{
    if (server->task == NULL)
        server->task = loop_defer(server->loop, run_all, server);
}

/* --- exchanges --- */

static enum MHD_Result respond(struct exchange *it)
{
    enum MHD_Result result = MHD_queue_response(it->connection, it->status, it->response);

    it->sent = true;
    return result;
}

static struct exchange *begin(struct engine *engine, struct MHD_Connection *connection,
                              const char *target, const char *method)
{
    struct exchange *it = xcalloc(1, sizeof(*it));

    it->exchange = (struct http_exchange){.method = method, .target = target};
    it->engine = engine;
    it->connection = connection;
    return it;
}

static bool has_body(const struct exchange *it)
{
    return exchange_header(&it->exchange, "Content-Length") ||
           exchange_header(&it->exchange, "Transfer-Encoding");
}

/* libmicrohttpd takes an answer at the header, which ends a request with a body early, or at the
 * end, behind which the connection goes on. */
static enum MHD_Result on_header(struct exchange *it)
{
    const struct http_server *server = it->engine->server;

    server->ops->request(server->user, &it->exchange);
    return it->response && has_body(it) ? respond(it) : MHD_YES;
}

static enum MHD_Result on_end(struct exchange *it)
{
    struct http_server *server = it->engine->server;

    if (!it->response && !it->ended) {
        it->ended = true;
        server->ops->end(server->user, &it->exchange);
    }
    if (it->response)
        return it->sent ? MHD_YES : respond(it);
    it->suspended = true;
    server->waiting++;
    MHD_suspend_connection(it->connection);
    return MHD_YES;
}

/* libmicrohttpd answers nothing while a request comes. In clear it can be done without it, as
 * nothing else is being sent: a proxy can tell its client then. */
static void tell_late(const struct engine *engine, struct MHD_Connection *connection)
{
    static const char answer[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                                 "Content-Length: 0\r\n\r\n";
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (!engine->tls && info)
        (void)!send(info->connect_fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static enum MHD_Result on_access(void *user, struct MHD_Connection *connection, const char *target,
                                 const char *method, const char *version UNUSED, const char *bytes,
                                 size_t *length, void **state)
{
    struct engine *engine = user;
    const struct http_server *server = engine->server;
    struct exchange *it = *state;

    if (it == NULL) {
        *state = it = begin(engine, connection, target, method);
        return on_header(it);
    }
    if (*length == 0)
        return on_end(it);
    bool goes_on = it->response || server->ops->body(server->user, &it->exchange, bytes, *length);
    *length = 0;
    if (!goes_on)
        tell_late(engine, connection);
    return goes_on ? MHD_YES : MHD_NO;
}

static void on_completed(void *user, struct MHD_Connection *connection UNUSED, void **state,
                         enum MHD_RequestTerminationCode code UNUSED)
{
    const struct engine *engine = user;
    struct exchange *it = *state;

    if (it == NULL)
        return;
    *state = NULL;
    engine->server->ops->gone(engine->server->user, &it->exchange);
    if (it->response)
        MHD_destroy_response(it->response);
    free(it);
}

const char *exchange_header(const struct http_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange_of(exchange)->connection, MHD_HEADER_KIND, name);
}

/* What is read of a file to be encrypted. */
struct part {
    int file;
    uint64_t offset;
};

static ssize_t read_part(void *user, uint64_t position, char *bytes, size_t size)
{
    const struct part *part = user;
    ssize_t count = pread(part->file, bytes, size, (off_t)(part->offset + position));

    return count > 0 ? count : MHD_CONTENT_READER_END_WITH_ERROR; /* it ends too early */
}

static void close_part(void *user)
{
    struct part *part = user;

    close(part->file);
    free(part);
}

/* Without TLS the kernel sends it, and nobody reads it. */
static struct MHD_Response *response_of(const struct engine *engine,
                                        const struct http_answer *answer)
{
    struct part *part;

    if (answer->file < 0)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!engine->tls)
        return MHD_create_response_from_fd_at_offset64(answer->length, answer->file,
                                                       answer->offset);
    part = xcalloc(1, sizeof(*part));
    *part = (struct part){answer->file, answer->offset};
    return MHD_create_response_from_callback(answer->length, PIECE, read_part, part, close_part);
}

void http_answer(struct http_exchange *exchange, const struct http_answer *answer)
{
    struct exchange *it = exchange_of(exchange);

    it->status = answer->status;
    it->response = response_of(it->engine, answer);
    if (it->response == NULL)
        abort(); /* out of memory */
    for (const struct http_field *field = answer->fields; field && field->name; field++)
        MHD_add_response_header(it->response, field->name, field->value);
    if (!it->suspended)
        return;
    it->suspended = false;
    it->engine->server->waiting--;
    MHD_resume_connection(it->connection);
    run_soon(it->engine->server);
}

/* --- life --- */

static size_t leave_encoded(void *user UNUSED, struct MHD_Connection *connection UNUSED, char *text)
{
    return strlen(text);
}

static void say_nothing(void *user UNUSED, const char *format UNUSED, va_list arguments UNUSED)
{
}

/* The listening descriptor is consumed, also when it fails. */
static struct MHD_Daemon *start_daemon(struct engine *engine, int listening,
                                       const char *certificate, const char *key)
{
    const struct http_server *server = engine->server;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (server->address.any.sa_family == AF_INET6 ? MHD_USE_DUAL_STACK : 0) |
                     (certificate ? MHD_USE_TLS : 0);
    const struct MHD_OptionItem tls[] = {
        {certificate ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)tls_priorities()},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem where[] = {
        {listening >= 0 ? MHD_OPTION_LISTEN_SOCKET : MHD_OPTION_SOCK_ADDR, listening,
         listening >= 0 ? NULL : (void *)&server->address.any},
        {MHD_OPTION_END, 0, NULL},
    };

    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, engine, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
        MHD_OPTION_ARRAY, where, MHD_OPTION_ARRAY, tls, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        engine, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        server->idle_s, MHD_OPTION_CONNECTION_LIMIT, server->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, server->per_address, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
}

static int add_engine(struct http_server *server, const char *certificate, const char *key)
{
    struct engine *engine = xcalloc(1, sizeof(*engine));

    engine->server = server;
    engine->tls = certificate != NULL;
    engine->daemon =
        start_daemon(engine, server->socket >= 0 ? dup(server->socket) : -1, certificate, key);
    if (engine->daemon == NULL) {
        free(engine);
        return ERR_UNAVAILABLE;
    }
    if (server->socket < 0)
        server->socket =
            dup(MHD_get_daemon_info(engine->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd);
    engine->timer = timer_new(server->loop, on_timer, engine);
    uv_poll_init(loop_uv(server->loop), &engine->poll,
                 MHD_get_daemon_info(engine->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    uv_poll_start(&engine->poll, UV_READABLE, on_poll);
    DL_APPEND(server->engines, engine);
    return 0;
}

int http_server_open(struct loop *loop, const struct http_settings *settings,
                     const struct http_ops *ops, void *user, struct http_server **server)
{
    struct http_server *new = xcalloc(1, sizeof(*new));
    int error;

    new->loop = loop;
    new->ops = ops;
    new->user = user;
    new->idle_s = settings->idle_s;
    new->connections = settings->connections;
    new->per_address = settings->per_address;
    error = address_parse(settings->address, &new->address) == 0 ? 0 : ERR_INVALID;
    new->socket = error ? -1 : listener_inherited(&new->address);
    if (!error)
        error = add_engine(new, settings->certificate, settings->key);
    if (error)
        free(new);
    else
        *server = new;
    return error;
}

/* It accepts nothing more, and ends with its last connection. */
static void retire(struct engine *engine)
{
    close(MHD_quiesce_daemon(engine->daemon));
    engine->retired = true;
}

int http_server_change(struct http_server *server, const char *certificate, const char *key)
{
    struct engine *old = server->engines->prev; /* the last one */

    if (add_engine(server, certificate, key) != 0)
        return ERR_TLS;
    retire(old);
    run_soon(server);
    return 0;
}

void http_server_close(struct http_server *server, void (*closed)(void *user), void *user)
{
    server->closed = closed;
    server->closed_user = user;
    retire(server->engines->prev);
    close(server->socket);
    run_soon(server);
}
