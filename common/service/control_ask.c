/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The asking side of the control socket, blocking.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/service/control.h"

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int problem = errno;
        close(fd);
        errno = problem;
        return -1;
    }
    return fd;
}

static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return ERR_CLOSED;
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
    }
    return 0;
}

/* What has come and was not told yet. */
struct reply {
    struct buffer pending;
    void (*line)(void *user, const char *text);
    void *user;
};

static const char ERROR_PREFIX[] = "error ";

/* The last line is the verdict, so a line that looks like one waits until it is known not to be. */
static bool may_be_verdict(const char *line)
{
    return strcmp(line, "ok") == 0 || strncmp(line, ERROR_PREFIX, sizeof(ERROR_PREFIX) - 1) == 0;
}

static void tell_lines(struct reply *reply)
{
    char *at = reply->pending.data;
    char *end = at + reply->pending.length;
    char *newline;

    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        *newline = '\0';
        if (newline + 1 == end && may_be_verdict(at)) {
            *newline = '\n';
            break;
        }
        reply->line(reply->user, at);
        at = newline + 1;
    }
    buffer_consume(&reply->pending, (size_t)(at - reply->pending.data));
}

static int receive_all(int fd, struct reply *reply)
{
    for (;;) {
        ssize_t got = recv(fd, buffer_reserve(&reply->pending, 4096), 4096, 0);
        if (got < 0 && errno != EINTR)
            return ERR_CLOSED;
        if (got == 0)
            return 0;
        if (got > 0) {
            buffer_added(&reply->pending, (size_t)got);
            tell_lines(reply);
        }
    }
}

static int take_verdict(struct buffer *last, char **error)
{
    if (last->length == 0 || last->data[last->length - 1] != '\n')
        return ERR_UNAVAILABLE; /* cut off: the daemon went away */
    last->data[last->length - 1] = '\0';
    if (strcmp(last->data, "ok") == 0)
        return 0;
    *error = xstrdup(last->data + sizeof(ERROR_PREFIX) - 1);
    return ERR_INVALID;
}

static int send_words(int fd, size_t argc, const char *const *argv)
{
    struct buffer request = {0};

    for (size_t i = 0; i < argc; i++)
        buffer_append(&request, argv[i], strlen(argv[i]) + 1);
    buffer_append_char(&request, '\0');
    int error = send_all(fd, request.data, request.length);
    buffer_wipe(&request);
    buffer_fini(&request);
    return error;
}

/* A socket that nobody listens at, or none, is left by a daemon that has ended. Everything else
 * says nothing about whether it runs. */
static int not_dialled(const char *path, char **error)
{
    if (errno == ENOENT || errno == ECONNREFUSED)
        return ERR_UNAVAILABLE;
    *error = xasprintf("%s: %s", path, strerror(errno));
    return ERR_INVALID;
}

int control_follow(const char *path, size_t argc, const char *const *argv,
                   void (*line)(void *user, const char *text), void *user, char **error)
{
    struct reply reply = {.line = line, .user = user};
    int fd = dial(path);

    *error = NULL;
    if (fd < 0)
        return not_dialled(path, error);
    int status = send_words(fd, argc, argv);
    if (status == 0)
        status = receive_all(fd, &reply);
    close(fd);
    if (status == 0)
        status = take_verdict(&reply.pending, error);
    buffer_fini(&reply.pending);
    return status;
}

static void collect(void *user, const char *text)
{
    struct buffer *lines = user;

    buffer_append_text(lines, text);
    buffer_append_char(lines, '\n');
}

int control_ask(const char *path, size_t argc, const char *const *argv, char **out)
{
    struct buffer lines = {0};
    char *error;
    int status = control_follow(path, argc, argv, collect, &lines, &error);

    if (error)
        collect(&lines, error);
    free(error);
    *out = buffer_take(&lines);
    return status;
}
