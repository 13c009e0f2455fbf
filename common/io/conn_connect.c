/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Connecting: looks a name up and tries its addresses one after the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/conn_internal.h"

/* One descriptor that is connecting. On its own, since libuv wants a handle for each. */
struct attempt {
    uv_poll_t poll;
    struct dial *dial;
    int fd;
};

struct dial {
    uv_getaddrinfo_t lookup;
    struct conn *conn; /* NULL: cancelled, waits for libuv to return the lookup */
    struct address *addresses;
    size_t count, next;
    struct attempt *attempt;
    struct timer *timer;
    struct loop_task *begin;
    bool looking;
};

static void on_attempt_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_poll_t *)handle, struct attempt, poll));
}

/* Returns the descriptor. */
static int attempt_end(struct dial *dial)
{
    int fd = dial->attempt->fd;
    uv_close((uv_handle_t *)&dial->attempt->poll, on_attempt_closed);
    dial->attempt = NULL;
    return fd;
}

static void dial_free(struct dial *dial)
{
    free(dial->addresses);
    free(dial);
}

void dial_cancel(struct dial *dial)
{
    if (!dial) {
        return;
    }
    timer_close(dial->timer);
    if (dial->begin) {
        loop_defer_cancel(dial->begin);
    }
    if (dial->attempt) {
        close(attempt_end(dial));
    }
    dial->conn = NULL;
    if (dial->looking) {
        uv_cancel((uv_req_t *)&dial->lookup);
        return;
    }
    dial_free(dial);
}

static void dial_connected(struct dial *dial)
{
    struct conn *conn = dial->conn;
    int fd = attempt_end(dial);
    conn->dial_errno = 0;
    conn->dial = NULL;
    dial_cancel(dial);
    if (conn_open(conn, fd) < 0) {
        close(fd);
        conn_finish(conn, ERR_UNAVAILABLE);
        return;
    }
    if (conn->ops->connected) {
        conn->ops->connected(conn->user);
    }
}

static void try_next(struct dial *dial);

static void on_attempt(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct attempt *attempt = CONTAINER_OF(poll, struct attempt, poll);
    struct dial *dial = attempt->dial;
    int error = 0;
    socklen_t length = sizeof(error);
    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0) {
        dial_connected(dial);
        return;
    }
    dial->conn->dial_errno = (uint8_t)error;
    close(attempt_end(dial));
    try_next(dial);
}

static int attempt_begin(struct dial *dial, const struct address *address)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    struct attempt *attempt = xcalloc(1, sizeof(*attempt));
    bool begun = (connect(fd, &address->any, address->length) == 0 || errno == EINPROGRESS) &&
                 uv_poll_init(loop_uv(dial->conn->loop), &attempt->poll, fd) == 0;
    if (!begun) {
        dial->conn->dial_errno = (uint8_t)errno;
        free(attempt);
        close(fd);
        return ERR_UNAVAILABLE;
    }
    attempt->dial = dial;
    attempt->fd = fd;
    dial->attempt = attempt;
    uv_poll_start(&attempt->poll, UV_WRITABLE, on_attempt);
    return 0;
}

static void try_next(struct dial *dial)
{
    while (dial->next < dial->count) {
        if (attempt_begin(dial, &dial->addresses[dial->next++]) == 0) {
            timer_start(dial->timer, CONN_DIAL_MS, 0);
            return;
        }
    }
    conn_finish(dial->conn, ERR_UNAVAILABLE);
}

/* An address that answers nothing is passed over; a lookup that takes as long is the end. */
static void on_timer(void *user)
{
    struct dial *dial = user;
    dial->conn->dial_errno = ETIMEDOUT;
    if (dial->attempt) {
        close(attempt_end(dial));
    }
    try_next(dial);
}

static void take_addresses(struct dial *dial, const struct addrinfo *found)
{
    for (const struct addrinfo *one = found; one; one = one->ai_next) {
        if (one->ai_addrlen > sizeof(dial->addresses->local)) {
            continue;
        }
        dial->addresses = xrealloc(dial->addresses, (dial->count + 1) * sizeof(*dial->addresses));
        struct address *address = &dial->addresses[dial->count++];
        memcpy(&address->any, one->ai_addr, one->ai_addrlen);
        address->length = one->ai_addrlen;
    }
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct dial *dial = CONTAINER_OF(lookup, struct dial, lookup);
    dial->looking = false;
    if (!dial->conn) {
        dial_free(dial);
    } else {
        take_addresses(dial, status == 0 ? found : NULL);
        try_next(dial);
    }
    uv_freeaddrinfo(found);
}

static int look_up(struct dial *dial, const char *text)
{
    char *host;
    uint16_t port;
    int rc = address_split(text, &host, &port);
    if (rc < 0) {
        return rc;
    }
    char *service = xasprintf("%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    rc = uv_getaddrinfo(loop_uv(dial->conn->loop), &dial->lookup, on_lookup, host, service, &hints);
    dial->looking = rc == 0;
    free(service);
    free(host);
    return rc == 0 ? 0 : ERR_UNAVAILABLE;
}

static void begin(void *user)
{
    struct dial *dial = user;
    dial->begin = NULL;
    try_next(dial);
}

static int dial_to(struct dial *dial, const char *text)
{
    struct address address;
    int rc = address_parse(text, &address);
    if (rc == ERR_NOT_FOUND) {
        return look_up(dial, text);
    }
    if (rc < 0) {
        return rc;
    }
    dial->addresses = xcalloc(1, sizeof(*dial->addresses));
    dial->addresses[dial->count++] = address;
    dial->begin = loop_defer(dial->conn->loop, begin, dial);
    return 0;
}

struct conn *conn_connect(struct loop *loop, const char *address, const struct conn_ops *ops,
                          void *user)
{
    struct conn *conn = conn_new(loop, ops, user);
    struct dial *dial = xcalloc(1, sizeof(*dial));
    dial->conn = conn;
    dial->timer = timer_new(loop, on_timer, dial);
    conn->dial = dial;
    timer_start(dial->timer, CONN_DIAL_MS, 0);
    if (dial_to(dial, address) < 0) {
        conn_finish(conn, ERR_UNAVAILABLE);
    }
    return conn;
}

const char *conn_dial_problem(const struct conn *conn)
{
    return conn->dial_errno > 0 ? strerrordesc_np(conn->dial_errno) : NULL;
}
