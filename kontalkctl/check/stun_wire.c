/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Questions to a STUN server.
 */
#include "kontalkctl/check/stun_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "kontalkctl/check/stun.h"

#define TRIES        5
#define TRY_MS       1000
#define DATAGRAM_MAX 2048

static const char STRANGE[] = "what answers is no STUN server";

struct stun_wire {
    int fd;            /* of datagrams, or -1 */
    struct wire *wire; /* of TCP */
    bool trusted;
};

static int open_datagrams(struct stun_wire *way, const struct address *address,
                          const char **problem)
{
    way->fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (way->fd >= 0 && connect(way->fd, &address->any, address->length) == 0)
        return 0;
    *problem = strerror(errno);
    return ERR_UNAVAILABLE;
}

static int open_stream(struct stun_wire *way, const struct address *address,
                       enum stun_transport transport, const char *host, const char *ca_file,
                       const char **problem)
{
    way->wire = wire_open(address, problem);
    if (!way->wire)
        return ERR_UNAVAILABLE;
    if (transport == STUN_BY_TCP)
        return 0;
    int error = wire_secure(way->wire, host, ca_file, NULL, problem);
    way->trusted = !error && tls_verify_server(wire_tls(way->wire)) == 0;
    return error;
}

struct stun_wire *stun_wire_open(const struct address *address, enum stun_transport transport,
                                 const char *host, const char *ca_file, const char **problem)
{
    struct stun_wire *way = xcalloc(1, sizeof(*way));

    way->fd = -1;
    int error = transport == STUN_BY_UDP
                    ? open_datagrams(way, address, problem)
                    : open_stream(way, address, transport, host, ca_file, problem);
    if (!error)
        return way;
    stun_wire_close(way);
    return NULL;
}

void stun_wire_close(struct stun_wire *way)
{
    if (!way)
        return;
    if (way->fd >= 0)
        close(way->fd);
    wire_close(way->wire);
    free(way);
}

bool stun_wire_is_trusted(const struct stun_wire *way)
{
    return way->trusted;
}

/* ERR_AGAIN: nothing in time. */
static int try_datagram(const struct stun_wire *way, const struct buffer *request,
                        struct buffer *answer)
{
    struct pollfd polled = {.fd = way->fd, .events = POLLIN};

    if (send(way->fd, request->data, request->length, 0) < 0)
        return ERR_UNAVAILABLE;
    /* Answers to what was asked before are passed over. */
    while (poll(&polled, 1, TRY_MS) > 0) {
        buffer_clear(answer);
        ssize_t got = recv(way->fd, buffer_reserve(answer, DATAGRAM_MAX), DATAGRAM_MAX, 0);
        if (got < 0)
            return ERR_UNAVAILABLE;
        buffer_added(answer, (size_t)got);
        if (stun_answers(answer, request))
            return 0;
    }
    return ERR_AGAIN;
}

static int ask_by_datagrams(const struct stun_wire *way, const struct buffer *request,
                            struct buffer *answer, const char **problem)
{
    int error = ERR_AGAIN;

    for (int i = 0; i < TRIES && error == ERR_AGAIN; i++)
        error = try_datagram(way, request, answer);
    if (error)
        *problem = error == ERR_AGAIN ? "no answer in time" : strerror(errno);
    return error;
}

static int ask_by_stream(struct stun_wire *way, const struct buffer *request, struct buffer *answer,
                         const char **problem)
{
    int error = wire_send(way->wire, request->data, request->length, problem);

    buffer_clear(answer);
    while (!error) {
        const size_t whole = stun_length(answer->data, answer->length);
        if (whole > 0 && answer->length >= whole)
            break;
        const size_t more = whole ? whole - answer->length : STUN_HEADER_SIZE - answer->length;
        ssize_t got = wire_read(way->wire, buffer_reserve(answer, more), more, problem);
        if (got > 0)
            buffer_added(answer, (size_t)got);
        else
            error = got < 0 ? (int)got : ERR_CLOSED;
        if (got == 0)
            *problem = "the connection was closed";
    }
    if (!error && !stun_answers(answer, request)) {
        *problem = STRANGE;
        error = ERR_MALFORMED;
    }
    return error;
}

int stun_wire_ask(struct stun_wire *way, const struct buffer *request, struct buffer *answer,
                  const char **problem)
{
    return way->wire ? ask_by_stream(way, request, answer, problem)
                     : ask_by_datagrams(way, request, answer, problem);
}
