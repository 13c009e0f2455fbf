/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Listening sockets: accepting. How they are opened is listener_open.c.
 */
#include "common/io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/address.h"
#include "common/io/listener_internal.h"
#include "common/io/timer.h"

/* How many are taken in one turn before the others on the loop have theirs. */
#define ACCEPT_AT_ONCE 64
/* The kernel is out of something that no spare descriptor helps with. */
#define RETRY_MS 100

struct listener {
    uv_poll_t poll;
    struct loop *loop;
    void (*accepted)(void *user, int fd, const char *peer);
    void *user;
    char *address;
    struct timer *retry;
    struct listener_socket socket;
    int spare;
    bool closed;
};

static int spare_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int accept_one(struct listener *listener, struct address *peer)
{
    *peer = (struct address){.length = sizeof(peer->local)};
    return accept4(listener->socket.fd, &peer->any, &peer->length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Out of descriptors: the spare one makes room to take the connection off the queue and close it;
 * left there it would wake the loop for ever. Without room accept(2) says so even if nobody is
 * waiting, so this also finds out whether somebody is. Leaves errno of the accept. */
static bool refuse_one(struct listener *listener)
{
    if (listener->spare < 0) {
        return false;
    }
    close(listener->spare);
    struct address peer;
    int fd = accept_one(listener, &peer);
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    listener->spare = spare_open();
    errno = error;
    return fd >= 0;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void retry(void *user)
{
    struct listener *listener = user;
    if (listener->spare < 0) {
        listener->spare = spare_open();
    }
    uv_poll_start(&listener->poll, UV_READABLE, on_poll);
}

static void rest(struct listener *listener)
{
    uv_poll_stop(&listener->poll);
    timer_start(listener->retry, RETRY_MS, 0);
}

static void hand_over(struct listener *listener, int fd, const struct address *peer)
{
    char *host = address_host(peer);
    listener->accepted(listener->user, fd, host);
    free(host);
}

/* Whether there may be more. */
static bool take_one(struct listener *listener)
{
    struct address peer;
    int fd = accept_one(listener, &peer);
    if (fd >= 0) {
        hand_over(listener, fd, &peer);
        return true;
    }
    if ((errno == EMFILE || errno == ENFILE) && refuse_one(listener)) {
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        rest(listener);
        return false;
    default:
        return true; /* that one connection had died already, accept(2) */
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct listener *listener = CONTAINER_OF(poll, struct listener, poll);
    if (status < 0) {
        rest(listener);
        return;
    }
    for (int i = 0; i < ACCEPT_AT_ONCE && !listener->closed; i++) {
        if (!take_one(listener)) {
            return;
        }
    }
}

int listener_open(struct loop *loop, const struct listener_settings *settings,
                  void (*accepted)(void *user, int fd, const char *peer), void *user,
                  struct listener **listener, const char **problem)
{
    struct listener_socket opened;
    int rc = listener_socket_open(settings, &opened, problem);
    if (rc < 0) {
        return rc;
    }
    struct listener *new = xcalloc(1, sizeof(*new));
    rc = uv_poll_init(loop_uv(loop), &new->poll, opened.fd);
    if (rc < 0) {
        *problem = uv_strerror(rc);
        listener_socket_close(&opened);
        free(new);
        return ERR_SYSTEM;
    }
    new->loop = loop;
    new->accepted = accepted;
    new->user = user;
    new->socket = opened;
    new->address = listener_socket_address(&opened);
    new->retry = timer_new(loop, retry, new);
    new->spare = spare_open();
    uv_poll_start(&new->poll, UV_READABLE, on_poll);
    *listener = new;
    return 0;
}

const char *listener_address(const struct listener *listener)
{
    return listener->address;
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = CONTAINER_OF((uv_poll_t *)handle, struct listener, poll);
    free(listener->address);
    free(listener);
}

void listener_close(struct listener *listener)
{
    listener->closed = true;
    timer_close(listener->retry);
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    listener_socket_close(&listener->socket);
    if (listener->spare >= 0) {
        close(listener->spare);
    }
}
