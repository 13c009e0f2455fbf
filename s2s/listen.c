/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where other servers connect; and remembering it, so that no DNS answer makes us connect there
 * ourselves.
 */
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "s2s/in.h"

static void on_accepted(void *user, int fd, const char *peer)
{
    in_accept(user, fd, peer, false);
}

static void on_accepted_tls(void *user, int fd, const char *peer)
{
    in_accept(user, fd, peer, true);
}

static void add_own(struct server *server, const struct address *address)
{
    server->own = xrealloc(server->own, (server->own_count + 1) * sizeof(*server->own));
    server->own[server->own_count++] = *address;
}

static bool is_any(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->ip4.sin_addr.s_addr == htonl(INADDR_ANY);
    return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->ip6.sin6_addr);
}

static bool copy_interface(const struct sockaddr *from, uint16_t port, struct address *address)
{
    *address = (struct address){0};
    if (from && from->sa_family == AF_INET) {
        address->length = sizeof(address->ip4);
        memcpy(&address->ip4, from, sizeof(address->ip4));
        address->ip4.sin_port = htons(port);
        return true;
    }
    if (from && from->sa_family == AF_INET6) {
        address->length = sizeof(address->ip6);
        memcpy(&address->ip6, from, sizeof(address->ip6));
        address->ip6.sin6_port = htons(port);
        return true;
    }
    return false;
}

/* A listener for all addresses is at every one this machine has now. */
static void add_interfaces(struct server *server, uint16_t port)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        struct address address;
        if (copy_interface(one->ifa_addr, port, &address))
            add_own(server, &address);
    }
    freeifaddrs(all);
}

static void remember(struct server *server, const struct listener *listener)
{
    struct address address;
    if (address_parse(listener_address(listener), &address))
        return;
    if (is_any(&address))
        add_interfaces(server, address_port(&address));
    else
        add_own(server, &address);
}

static int listen_on(struct server *server, const char *key, listener_accepted *accepted)
{
    size_t before = server->listeners.count;
    int error = listeners_add_all(&server->listeners, server->loop, server->config, "s2s", key,
                                  &(struct listener_settings){0}, accepted, server);

    for (size_t i = before; i < server->listeners.count; i++)
        remember(server, server->listeners.list[i]);
    return error;
}

int server_listen(struct server *server)
{
    int error = listen_on(server, "listen", on_accepted);
    return error ? error : listen_on(server, "listen-tls", on_accepted_tls);
}
