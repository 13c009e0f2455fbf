/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where a domain's servers are (RFC 6120 §3.2, XEP-0368): SRV records of both services, then the
 * addresses of their targets, TLSA records where DNSSEC proves all that. Limits of records.h hold;
 * addresses that are nobody's business or our own are passed over.
 */
#pragma once

#include "s2s/dns.h"
#include "s2s/targets.h"
#include "s2s/trace.h"

#define RESOLVE_CANDIDATES_MAX 32

struct resolve;

struct resolve_settings {
    bool internal_allowed;     /* also addresses of private networks and of this machine */
    const struct address *own; /* where we listen: connecting there would be a loop */
    size_t own_count;
    uint32_t (*pick)(uint32_t below);
    struct trace *trace; /* NULL: nobody follows it */
};

struct resolution {
    /* 0; ERR_NOT_FOUND: there is no such service, now and later; ERR_UNAVAILABLE: not now. */
    int status;
    const char *why; /* for people; static text */
    size_t count;
    struct candidate candidates[RESOLVE_CANDIDATES_MAX];
    struct target targets[RECORDS_SRV_MAX];
    size_t targets_count;
};

/* The result is the callee's: free() it. `domain` is an A-label. `done` runs later than this call,
 * once, unless it is cancelled. */
struct resolve *resolve_start(struct dns *dns, const struct resolve_settings *settings,
                              const char *domain,
                              void (*done)(void *user, struct resolution *resolution), void *user);
/* NULL is allowed. */
void resolve_cancel(struct resolve *resolve);
