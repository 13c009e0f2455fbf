/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A connection that waits.
 */
#include "kontalkctl/check/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/check/check.h"

struct wire {
    int fd;
    struct tls_context *context;
    struct tls_session *tls;
    uint64_t end_ms;
};

static const char LATE[] = "no answer in time";

int wire_local_address(const char *text, struct address *address)
{
    int error = address_parse(text, address);

    if (error)
        return error;
    if (address->any.sa_family == AF_INET && address->ip4.sin_addr.s_addr == htonl(INADDR_ANY))
        address->ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->ip6.sin6_addr))
        address->ip6.sin6_addr = in6addr_loopback;
    return 0;
}

/* False: not in time. */
static bool wait_for(const struct wire *wire, short events)
{
    uint64_t now_ms = clock_monotonic_ms();
    struct pollfd polled = {.fd = wire->fd, .events = events};
    int got = 0;

    for (; now_ms < wire->end_ms && got <= 0; now_ms = clock_monotonic_ms()) {
        got = poll(&polled, 1, (int)(wire->end_ms - now_ms));
        if (got < 0 && errno != EINTR)
            return false;
    }
    return got > 0;
}

/* 0, or an errno. */
static int finish_connecting(const struct wire *wire)
{
    int error = 0;
    socklen_t length = sizeof(error);

    if (!wait_for(wire, POLLOUT))
        return ETIMEDOUT;
    return getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

struct wire *wire_open(const struct address *address, const char **problem)
{
    struct wire *wire = xcalloc(1, sizeof(*wire));
    int error = 0;

    wire->end_ms = clock_monotonic_ms() + CHECK_PROBE_MS;
    wire->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->fd < 0)
        error = errno;
    else if (connect(wire->fd, &address->any, address->length) != 0)
        error = errno == EINPROGRESS ? finish_connecting(wire) : errno;
    if (!error)
        return wire;
    *problem = strerror(error);
    wire_close(wire);
    return NULL;
}

void wire_close(struct wire *wire)
{
    if (!wire)
        return;
    if (wire->tls)
        tls_bye(wire->tls);
    tls_session_free(wire->tls);
    if (wire->context)
        tls_context_unref(wire->context);
    if (wire->fd >= 0)
        close(wire->fd);
    free(wire);
}

static ssize_t receive(void *user, void *bytes, size_t size)
{
    const struct wire *wire = user;
    ssize_t got = recv(wire->fd, bytes, size, 0);

    return got < 0 ? -errno : got;
}

static ssize_t send_some(void *user, const void *bytes, size_t length)
{
    const struct wire *wire = user;
    ssize_t sent = send(wire->fd, bytes, length, MSG_NOSIGNAL);

    return sent < 0 ? -errno : sent;
}

static const struct tls_transport transport = {.receive = receive, .send = send_some};

static int shake_hands(struct wire *wire, const char **problem)
{
    int error;

    while ((error = tls_handshake(wire->tls)) == ERR_AGAIN)
        if (!wait_for(wire, tls_wants_write(wire->tls) ? POLLOUT : POLLIN)) {
            *problem = "the TLS handshake was not answered in time";
            return ERR_TIMEOUT;
        }
    if (error)
        *problem = tls_problem(wire->tls);
    return error;
}

int wire_secure(struct wire *wire, const char *name, const char *ca_file, const char *alpn,
                const char **problem)
{
    const char *const protocols[] = {alpn, NULL};
    const struct tls_settings settings = {
        .role = TLS_CLIENT, .ca_file = ca_file, .alpn = alpn ? protocols : NULL};
    int error = tls_context_new(&settings, &wire->context, problem);

    if (error)
        return error;
    wire->tls = tls_session_new(wire->context, name, &transport, wire);
    return shake_hands(wire, problem);
}

struct tls_session *wire_tls(struct wire *wire)
{
    return wire->tls;
}

static ssize_t write_some(struct wire *wire, const void *bytes, size_t length)
{
    if (wire->tls)
        return tls_write(wire->tls, bytes, length);
    ssize_t sent = send_some(wire, bytes, length);
    return sent == -EAGAIN ? ERR_AGAIN : sent < 0 ? ERR_CLOSED : sent;
}

int wire_write(struct wire *wire, const char *text, const char **problem)
{
    return wire_send(wire, text, strlen(text), problem);
}

int wire_send(struct wire *wire, const void *bytes, size_t length, const char **problem)
{
    const char *at = bytes;
    size_t left = length;

    while (left > 0) {
        ssize_t sent = write_some(wire, at, left);
        if (sent > 0) {
            at += sent;
            left -= (size_t)sent;
        } else if (sent != ERR_AGAIN || !wait_for(wire, POLLOUT)) {
            *problem = sent == ERR_AGAIN ? LATE : "the connection was cut off";
            return sent == ERR_AGAIN ? ERR_TIMEOUT : ERR_CLOSED;
        }
    }
    return 0;
}

static ssize_t read_some(struct wire *wire, char *bytes, size_t size)
{
    if (wire->tls)
        return tls_read(wire->tls, bytes, size);
    ssize_t got = receive(wire, bytes, size);
    return got == -EAGAIN ? ERR_AGAIN : got < 0 ? ERR_CLOSED : got;
}

ssize_t wire_read(struct wire *wire, char *bytes, size_t size, const char **problem)
{
    ssize_t got;

    while ((got = read_some(wire, bytes, size)) == ERR_AGAIN)
        if (!wait_for(wire, POLLIN)) {
            *problem = LATE;
            return ERR_TIMEOUT;
        }
    if (got < 0)
        *problem = "the connection was cut off";
    return got;
}
