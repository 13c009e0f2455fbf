/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The hosts of a domain in the order in which they are tried, and their addresses (no I/O).
 */
#pragma once

#include "common/tls/verify.h"
#include "s2s/records.h"

struct target {
    struct srv srv;
    bool direct_tls; /* XEP-0368 */
    bool secure;     /* DNSSEC proves that it is the domain's */
    struct address addresses[RECORDS_ADDRESS_MAX];
    size_t count;
    struct tls_dane dane[RECORDS_TLSA_MAX];
    size_t dane_count;
};

/* One address to connect to. */
struct candidate {
    struct address address;
    const struct target *target;
};

/* RFC 2782: lowest priority first, within one priority at random by weight. SRV records of both
 * services count as one set (XEP-0368 §3). `pick` returns a number below its argument. */
void targets_order(struct target *targets, size_t count, uint32_t (*pick)(uint32_t below));
/* Adds an address, if it is wanted and fits. */
void target_add_address(struct target *target, const struct address *address);
/* The families of a target's addresses take turns, IPv6 first (RFC 8305 §4). `candidates` holds
 * `max`; returns how many there are. */
size_t targets_candidates(const struct target *targets, size_t count, struct candidate *candidates,
                          size_t max);
