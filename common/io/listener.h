/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A listening socket. Addresses are text: "127.0.0.1:5222", "[::1]:5222", "unix:/run/x.sock".
 * Port 0 takes any; listener_address() says which. A descriptor handed over by systemd
 * (LISTEN_FDS) whose address is equal is used instead of opening one.
 * Out of descriptors: a spare one is kept, the connection is accepted and closed, without spinning.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "common/io/loop.h"

struct listener;
struct address;

struct listener_settings {
    const char *address;
    int backlog;       /* 0: 1024 */
    mode_t mode;       /* unix socket; 0: 0660 */
    const char *group; /* unix socket; NULL: unchanged */
    int reuse_port;    /* several workers listen on one port */
};

/* `accepted` gets a non-blocking descriptor that it must take (conn_accepted) or close, and the
 * address of the peer without port (as conn_peer_address). */
MUST_CHECK int listener_open(struct loop *loop, const struct listener_settings *settings,
                             void (*accepted)(void *user, int fd, const char *peer), void *user,
                             struct listener **listener, const char **problem);
/* As settings->address, with the real port. */
const char *listener_address(const struct listener *listener);
void listener_close(struct listener *listener);
/* The descriptor that systemd has handed over for that address, for who listens by himself; -1:
 * there is none. */
int listener_inherited(const struct address *wanted);
