/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Questions to the DNS that wait for the answer, of the servers that kontalk-s2s asks
 * ([s2s] dns-server).
 */
#pragma once

#include "common/config/config.h"
#include "s2s/dns_unbound.h"
#include "s2s/records.h"

struct names;

/* NULL: there is no way to ask. */
struct names *names_new(const struct config *config);
void names_free(struct names *names);

struct names_srv {
    size_t count;
    struct srv list[RECORDS_SRV_MAX];
};
struct names_addresses {
    size_t count;
    unsigned aliases; /* CNAMEs on the way */
    struct address list[2 * RECORDS_ADDRESS_MAX];
};

/* 0: there are some; ERR_NOT_FOUND: the name has none; else the DNS does not answer (ERR_TIMEOUT,
 * ERR_UNAVAILABLE, ERR_DENIED). The name may have any script. */
MUST_CHECK int names_find_srv(struct names *names, const char *service, const char *domain,
                              struct names_srv *srv);
/* A and AAAA. */
MUST_CHECK int names_find_addresses(struct names *names, const char *host, uint16_t port,
                                    struct names_addresses *addresses);
/* The first of them, or the one that `host` is written as. names: NULL if there is no DNS. */
MUST_CHECK int names_find_host(struct names *names, const char *host, uint16_t port,
                               struct address *address);
