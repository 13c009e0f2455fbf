/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The records of a domain (RFC 6120 §3.2.1, XEP-0368), to be pasted into its zone.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "kontalkctl/setup.h"

static bool is_public_4(const struct sockaddr_in *address)
{
    uint32_t bits = ntohl(address->sin_addr.s_addr);

    return bits >> 24 != 127 && bits >> 24 != 10 && bits >> 20 != 0xac1 && bits >> 16 != 0xc0a8 &&
           bits >> 16 != 0xa9fe && bits >> 22 != 0x191;
}

/* 2000::/3 */
static bool is_public_6(const struct sockaddr_in6 *address)
{
    return address->sin6_addr.s6_addr[0] >> 5 == 1;
}

static bool print_address(const struct setup *setup, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN];
    bool is_4 = address->sa_family == AF_INET;
    const void *bits = is_4 ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                            : &((const struct sockaddr_in6 *)address)->sin6_addr;

    if (is_4 ? !is_public_4((const struct sockaddr_in *)address)
             : address->sa_family != AF_INET6 || !is_public_6((const struct sockaddr_in6 *)address))
        return false;
    printf("    %s. 3600 IN %s %s\n", setup->host, is_4 ? "A" : "AAAA",
           inet_ntop(address->sa_family, bits, text, sizeof(text)));
    return true;
}

static void print_addresses(const struct setup *setup)
{
    struct ifaddrs *all = NULL;
    bool any = false;

    if (getifaddrs(&all) == 0)
        for (const struct ifaddrs *at = all; at; at = at->ifa_next)
            any |= at->ifa_addr && print_address(setup, at->ifa_addr);
    freeifaddrs(all);
    if (!any)
        printf("    %s. 3600 IN A (the public address of this machine)\n", setup->host);
}

void setup_print_dns(const struct setup *setup)
{
    static const struct {
        const char *service;
        unsigned port;
    } services[] = {{"xmpp-client", 5222},
                    {"xmpps-client", 5223},
                    {"xmpp-server", 5269},
                    {"xmpps-server", 5270}};

    puts("These records belong into the DNS:\n");
    print_addresses(setup);
    for (size_t i = 0; i < ARRAY_SIZE(services); i++)
        printf("    _%s._tcp.%s. 3600 IN SRV 0 5 %u %s.\n", services[i].service, setup->domain,
               services[i].port, setup->host);
    putchar('\n');
}
