/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The asking side of the control socket, blocking.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/service/control.h"

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
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

static int receive_all(int fd, struct buffer *answer)
{
    for (;;) {
        ssize_t got = recv(fd, buffer_reserve(answer, 4096), 4096, 0);
        if (got < 0 && errno != EINTR)
            return ERR_CLOSED;
        if (got == 0)
            return 0;
        if (got > 0)
            buffer_added(answer, (size_t)got);
    }
}

/* Cuts the verdict, the last line, off the answer. */
static int take_verdict(struct buffer *answer)
{
    size_t end = answer->length;

    if (end == 0 || answer->data[end - 1] != '\n')
        return ERR_UNAVAILABLE; /* cut off: the daemon went away */
    size_t start = end - 1;
    while (start > 0 && answer->data[start - 1] != '\n')
        start--;
    if (strcmp(answer->data + start, "ok\n") == 0) {
        answer->data[answer->length = start] = '\0';
        return 0;
    }
    static const char prefix[] = "error ";
    size_t skip =
        strncmp(answer->data + start, prefix, sizeof(prefix) - 1) ? 0 : sizeof(prefix) - 1;
    memmove(answer->data + start, answer->data + start + skip, end - start - skip);
    answer->length -= skip;
    answer->data[answer->length] = '\0';
    return ERR_INVALID;
}

int control_ask(const char *path, size_t argc, const char *const *argv, char **out)
{
    struct buffer request = {0}, reply = {0};
    int fd = dial(path);

    *out = NULL;
    if (fd < 0)
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < argc; i++)
        buffer_append(&request, argv[i], strlen(argv[i]) + 1);
    buffer_append_char(&request, '\0');
    int error = send_all(fd, request.data, request.length);
    if (error == 0)
        error = receive_all(fd, &reply);
    close(fd);
    buffer_wipe(&request);
    buffer_fini(&request);
    if (error == 0)
        error = take_verdict(&reply);
    *out = buffer_take(&reply);
    return error;
}
