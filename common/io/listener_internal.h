/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The socket behind a listener: opened, taken over from systemd, and closed.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/io/listener.h"

struct listener_socket {
    int fd;
    char *path; /* of a unix socket that we made and have to remove; else NULL */
    dev_t device;
    ino_t inode;
};

MUST_CHECK int listener_socket_open(const struct listener_settings *settings,
                                    struct listener_socket *opened, const char **problem);
/* free() it. */
char *listener_socket_address(const struct listener_socket *opened);
/* Removes the file of a unix socket, unless another one has taken its place meanwhile. */
void listener_socket_close(struct listener_socket *opened);
