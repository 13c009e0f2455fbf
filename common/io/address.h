/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Addresses of sockets as text: "127.0.0.1:5222", "[::1]:5222", "unix:/run/x.sock", and, where one
 * connects, "host.example.test:5222".
 */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/base/macros.h"

struct address {
    socklen_t length;
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
        struct sockaddr_un local;
    };
};

/* Numeric and unix addresses. ERR_NOT_FOUND: a name that has to be looked up first; ERR_INVALID. */
MUST_CHECK int address_parse(const char *text, struct address *address);
/* "name:port" (or a numeric address) into its parts; free(*host). ERR_INVALID. */
MUST_CHECK int address_split(const char *text, char **host, uint16_t *port);
/* As address_parse() takes it; free() it. */
char *address_text(const struct address *address);
/* Without the port; "unix" for unix sockets; IPv4 that came over an IPv6 socket is shown as IPv4.
 * free() it. */
char *address_host(const struct address *address);
/* 0 for unix sockets. */
uint16_t address_port(const struct address *address);
/* getsockname(2), getpeername(2). ERR_SYSTEM. */
MUST_CHECK int address_of_socket(int fd, struct address *address);
MUST_CHECK int address_of_peer(int fd, struct address *address);
