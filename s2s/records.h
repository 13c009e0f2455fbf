/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * DNS records as values, and which of them are not for us (no I/O).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/io/address.h"
#include "s2s/dns.h"

/* What an answer may make us do; the rest of it is passed over. */
#define RECORDS_SRV_MAX     16
#define RECORDS_ADDRESS_MAX 16
#define RECORDS_TLSA_MAX    8
#define RECORDS_ALIASES_MAX 8
#define DNS_NAME_MAX        253

/* RFC 2782. */
struct srv {
    uint16_t priority;
    uint16_t weight;
    uint16_t port;
    char target[DNS_NAME_MAX + 1]; /* "." as "": the service is decidedly not there */
};

/* ERR_MALFORMED: too short, port 0, or a target that is no host name. */
MUST_CHECK int record_srv(const struct dns_record *record, struct srv *srv);
/* An A or AAAA record. ERR_MALFORMED. */
MUST_CHECK int record_address(enum dns_type type, const struct dns_record *record, uint16_t port,
                              struct address *address);
/* Not an address of the Internet: this machine, private networks, link-local, multicast, or IPv4
 * dressed as IPv6 (RFC 6890). A stranger's zone must not point us at our own services. */
bool address_is_internal(const struct address *address);
/* Address and port are equal. */
bool address_same(const struct address *a, const struct address *b);
