/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Addresses of sockets.
 */
#include "common/io/address.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"

static const char unix_prefix[] = "unix:";

static int parse_unix(const char *path, struct address *address)
{
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(address->local.sun_path)) {
        return ERR_INVALID;
    }
    address->local.sun_family = AF_UNIX;
    memcpy(address->local.sun_path, path, length + 1);
    address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

static int parse_port(const char *text, uint16_t *port)
{
    if (*text < '0' || *text > '9') {
        return ERR_INVALID;
    }
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value > UINT16_MAX) {
        return ERR_INVALID;
    }
    *port = (uint16_t)value;
    return 0;
}

int address_split(const char *text, char **host, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || parse_port(colon + 1, port) < 0) {
        return ERR_INVALID;
    }
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    size_t length = (size_t)(colon - text);
    if (!bracketed && memchr(text, ':', length)) {
        return ERR_INVALID; /* IPv6 without brackets: where does the port begin? */
    }
    *host = bracketed ? xstrndup(text + 1, length - 2) : xstrndup(text, length);
    return 0;
}

static int parse_host(const char *host, uint16_t port, struct address *address)
{
    if (inet_pton(AF_INET, host, &address->ip4.sin_addr) == 1) {
        address->ip4.sin_family = AF_INET;
        address->ip4.sin_port = htons(port);
        address->length = sizeof(address->ip4);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &address->ip6.sin6_addr) == 1) {
        address->ip6.sin6_family = AF_INET6;
        address->ip6.sin6_port = htons(port);
        address->length = sizeof(address->ip6);
        return 0;
    }
    return strpbrk(host, ":[]/ ") || *host == '\0' ? ERR_INVALID : ERR_NOT_FOUND;
}

int address_parse(const char *text, struct address *address)
{
    *address = (struct address){0};
    if (strncmp(text, unix_prefix, strlen(unix_prefix)) == 0) {
        return parse_unix(text + strlen(unix_prefix), address);
    }
    char *host;
    uint16_t port;
    int rc = address_split(text, &host, &port);
    if (rc < 0) {
        return rc;
    }
    rc = parse_host(host, port, address);
    free(host);
    return rc;
}

static char *ip4_text(const void *address)
{
    const unsigned char *part = address;
    return xasprintf("%u.%u.%u.%u", part[0], part[1], part[2], part[3]);
}

static char *ip6_text(const struct in6_addr *address)
{
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        return ip4_text(address->s6_addr + 12);
    }
    char text[INET6_ADDRSTRLEN];
    return xstrdup(inet_ntop(AF_INET6, address, text, sizeof(text)));
}

char *address_host(const struct address *address)
{
    switch (address->any.sa_family) {
    case AF_INET:
        return ip4_text(&address->ip4.sin_addr);
    case AF_INET6:
        return ip6_text(&address->ip6.sin6_addr);
    case AF_UNIX:
        return xstrdup("unix");
    default:
        return xstrdup("unknown");
    }
}

uint16_t address_port(const struct address *address)
{
    switch (address->any.sa_family) {
    case AF_INET:
        return ntohs(address->ip4.sin_port);
    case AF_INET6:
        return ntohs(address->ip6.sin6_port);
    default:
        return 0;
    }
}

char *address_text(const struct address *address)
{
    if (address->any.sa_family == AF_UNIX) {
        size_t path = offsetof(struct sockaddr_un, sun_path);
        size_t room = address->length > path ? address->length - path : 0;
        return xasprintf("%s%.*s", unix_prefix, (int)room, address->local.sun_path);
    }
    char *host = address_host(address);
    bool brackets = strchr(host, ':') != NULL;
    char *text = xasprintf("%s%s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "",
                           address_port(address));
    free(host);
    return text;
}

int address_of_socket(int fd, struct address *address)
{
    *address = (struct address){.length = sizeof(address->local)};
    return getsockname(fd, &address->any, &address->length) < 0 ? ERR_SYSTEM : 0;
}

int address_of_peer(int fd, struct address *address)
{
    *address = (struct address){.length = sizeof(address->local)};
    return getpeername(fd, &address->any, &address->length) < 0 ? ERR_SYSTEM : 0;
}
