/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking the DNS. What answers is behind a table of functions: libunbound (dns_unbound.h), or what
 * a test makes up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_DNSKEY = 48, DNS_TLSA = 52 };

/* The data of one record as it is on the wire, names in it not compressed. */
struct dns_record {
    const uint8_t *data;
    size_t length;
};

struct dns_answer {
    /* 0: answered, with or without records; ERR_NOT_FOUND: the name does not exist; ERR_TIMEOUT;
     * ERR_UNAVAILABLE: the servers fail; ERR_DENIED: forged, as DNSSEC says. */
    int status;
    const char *problem; /* why, for people; NULL */
    bool secure;         /* proven by DNSSEC */
    unsigned aliases;    /* CNAMEs that were followed */
    size_t count;
    const struct dns_record *records;
};

/* `answer` is valid during the call. */
typedef void dns_done(void *user, const struct dns_answer *answer);

struct dns;
struct dns_query;

struct dns_ops {
    /* `done` comes exactly once, later than this call, unless the query is cancelled. Every query
     * has a time limit of its own. */
    struct dns_query *(*ask)(struct dns *dns, const char *name, enum dns_type type, dns_done *done,
                             void *user);
    void (*cancel)(struct dns_query *query);
};

/* The first member of what implements it. */
struct dns {
    const struct dns_ops *ops;
};
