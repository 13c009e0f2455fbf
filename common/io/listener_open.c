/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Opening listening sockets: TCP, unix, or one that systemd has opened (sd_listen_fds(3)).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/io/address.h"
#include "common/io/listener_internal.h"

#define BACKLOG_DEFAULT  1024
#define MODE_DEFAULT     0660
#define LISTEN_FDS_START 3

/* strerrordesc_np(3): static text, unlike strerror(). */
static int failed(const char **problem)
{
    const char *text = strerrordesc_np(errno);
    *problem = text ? text : "unknown error";
    return ERR_SYSTEM;
}

static long env_number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

static bool is_listener(int fd)
{
    int listening = 0;
    socklen_t length = sizeof(listening);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening;
}

static bool listens_on(int fd, const struct address *wanted)
{
    struct address address;
    if (!is_listener(fd) || address_of_socket(fd, &address) < 0) {
        return false;
    }
    char *is = address_text(&address);
    char *should = address_text(wanted);
    bool equal = strcmp(is, should) == 0;
    free(is);
    free(should);
    return equal;
}

int listener_inherited(const struct address *wanted)
{
    if (env_number("LISTEN_PID") != getpid()) {
        return -1;
    }
    long end = LISTEN_FDS_START + env_number("LISTEN_FDS");
    for (int fd = LISTEN_FDS_START; fd < end; fd++) {
        if (listens_on(fd, wanted)) {
            fcntl(fd, F_SETFD, FD_CLOEXEC);
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
            return fd;
        }
    }
    return -1;
}

/* A file that nobody listens on any more was left by a process that died. */
static bool is_stale(const struct address *address)
{
    struct stat file;
    if (lstat(address->local.sun_path, &file) < 0 || !S_ISSOCK(file.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool refused = connect(fd, &address->any, address->length) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_unix(int fd, const struct address *address)
{
    int rc = bind(fd, &address->any, address->length);
    if (rc == 0 || errno != EADDRINUSE) {
        return rc;
    }
    if (!is_stale(address)) {
        errno = EADDRINUSE;
        return -1;
    }
    unlink(address->local.sun_path);
    return bind(fd, &address->any, address->length);
}

/* Done before listen(2), so nobody gets in earlier under other rights. */
static int set_rights(const char *path, const struct listener_settings *settings,
                      const char **problem)
{
    if (settings->group) {
        errno = 0;
        const struct group *group = getgrnam(settings->group);
        if (!group) {
            *problem = "no such group";
            return ERR_NOT_FOUND;
        }
        if (chown(path, (uid_t)-1, group->gr_gid) < 0) {
            return failed(problem);
        }
    }
    mode_t mode = settings->mode ? settings->mode : MODE_DEFAULT;
    return chmod(path, mode) < 0 ? failed(problem) : 0;
}

static int prepare_unix(const struct address *address, const struct listener_settings *settings,
                        struct listener_socket *opened, const char **problem)
{
    const char *path = address->local.sun_path;
    struct stat file;
    if (bind_unix(opened->fd, address) < 0 || lstat(path, &file) < 0) {
        return failed(problem);
    }
    opened->path = xstrdup(path);
    opened->device = file.st_dev;
    opened->inode = file.st_ino;
    return set_rights(path, settings, problem);
}

static int prepare_tcp(int fd, const struct address *address,
                       const struct listener_settings *settings, const char **problem)
{
    static const int yes = 1, no = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0) {
        return failed(problem);
    }
    if (settings->reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) < 0) {
        return failed(problem);
    }
    /* [::] serves IPv4 too, whatever the system's default. */
    if (address->any.sa_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) < 0) {
        return failed(problem);
    }
    return bind(fd, &address->any, address->length) < 0 ? failed(problem) : 0;
}

static int prepare(const struct address *address, const struct listener_settings *settings,
                   struct listener_socket *opened, const char **problem)
{
    int rc = address->any.sa_family == AF_UNIX
                 ? prepare_unix(address, settings, opened, problem)
                 : prepare_tcp(opened->fd, address, settings, problem);
    if (rc < 0) {
        return rc;
    }
    int backlog = settings->backlog > 0 ? settings->backlog : BACKLOG_DEFAULT;
    return listen(opened->fd, backlog) < 0 ? failed(problem) : 0;
}

int listener_socket_open(const struct listener_settings *settings, struct listener_socket *opened,
                         const char **problem)
{
    struct address address;
    if (address_parse(settings->address, &address) < 0) {
        *problem = "not an address: expected 192.0.2.1:5222, [2001:db8::1]:5222 or unix:/path";
        return ERR_INVALID;
    }
    *opened = (struct listener_socket){.fd = listener_inherited(&address)};
    if (opened->fd >= 0) {
        return 0;
    }
    opened->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened->fd < 0) {
        return failed(problem);
    }
    int rc = prepare(&address, settings, opened, problem);
    if (rc < 0) {
        listener_socket_close(opened);
    }
    return rc;
}

char *listener_socket_address(const struct listener_socket *opened)
{
    struct address address;
    return address_of_socket(opened->fd, &address) < 0 ? xstrdup("unknown")
                                                       : address_text(&address);
}

void listener_socket_close(struct listener_socket *opened)
{
    close(opened->fd);
    struct stat file;
    if (opened->path && lstat(opened->path, &file) == 0 && file.st_dev == opened->device &&
        file.st_ino == opened->inode) {
        unlink(opened->path);
    }
    free(opened->path);
}
