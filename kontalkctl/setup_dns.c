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

/* "example.net. 3600 IN A 192.0.2.1", or NULL: it is not an address of the Internet. */
static char *record_of(struct arena *arena, const char *host, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN];
    bool is_4 = address->sa_family == AF_INET;
    const void *bits = is_4 ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                            : &((const struct sockaddr_in6 *)address)->sin6_addr;

    if (is_4 ? !is_public_4((const struct sockaddr_in *)address)
             : address->sa_family != AF_INET6 || !is_public_6((const struct sockaddr_in6 *)address))
        return NULL;
    return arena_printf(arena, "%s. 3600 IN %s %s", host, is_4 ? "A" : "AAAA",
                        inet_ntop(address->sa_family, bits, text, sizeof(text)));
}

void setup_address_records(struct arena *arena, const char *host,
                           void (*each)(void *user, const char *record), void *user)
{
    struct ifaddrs *all = NULL;
    const char *record = NULL;
    bool any = false;

    if (getifaddrs(&all) == 0)
        for (const struct ifaddrs *at = all; at; at = at->ifa_next)
            if (at->ifa_addr && (record = record_of(arena, host, at->ifa_addr)) != NULL) {
                each(user, record);
                any = true;
            }
    freeifaddrs(all);
    if (!any)
        each(user, arena_printf(arena, "%s. 3600 IN A (the public address of this machine)", host));
}

const struct setup_service setup_services[] = {{"xmpp-client", 5222, "c2s", "listen"},
                                               {"xmpps-client", 5223, "c2s", "listen-tls"},
                                               {"xmpp-server", 5269, "s2s", "listen"},
                                               {"xmpps-server", 5270, "s2s", "listen-tls"},
                                               {0}};

char *setup_service_record(struct arena *arena, const struct setup_service *service,
                           const char *domain, unsigned port, const char *host)
{
    return arena_printf(arena, "_%s._tcp.%s. 3600 IN SRV 0 5 %u %s.", service->name, domain, port,
                        host);
}

static void print_record(void *user UNUSED, const char *record)
{
    printf("    %s\n", record);
}

static void print_service(const struct setup *setup, const struct setup_service *service,
                          const char *domain)
{
    print_record(NULL,
                 setup_service_record(setup->arena, service, domain, service->port, setup->host));
}

void setup_print_addresses(const struct setup *setup, const char *host)
{
    setup_address_records(setup->arena, host, print_record, NULL);
}

void setup_print_servers(const struct setup *setup, const char *domain)
{
    for (const struct setup_service *service = setup_services; service->name; service++)
        if (strcmp(service->section, "s2s") == 0)
            print_service(setup, service, domain);
}

void setup_print_dns(const struct setup *setup)
{
    puts("These records belong into the DNS:\n");
    setup_print_addresses(setup, setup->host);
    for (const struct setup_service *service = setup_services; service->name; service++)
        print_service(setup, service, setup->domain);
    setup_print_service_records(setup);
    putchar('\n');
}
