/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How much each user may upload: slots in an hour, bytes in a day. What was promised by a slot
 * counts as long as the slot is good; what was uploaded the index knows. In memory: a restart
 * forgets the slots of the last hour. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quota;

struct quota_limits {
    size_t slots_per_hour;
    uint64_t bytes_per_day;
    int64_t slot_us; /* how long a slot is good */
};

/* What somebody wants, and has. Wall times. */
struct quota_request {
    const char *owner, *id;
    uint64_t size;
    uint64_t stored;   /* bytes uploaded in the last day */
    int64_t oldest_us; /* the first of these; 0: none */
    int64_t now_us;
};

struct quota *quota_new(void);
void quota_free(struct quota *quota);
/* NULL: the slot counts from now on. Else the key of the limit: not before *again_us. */
const char *quota_take(struct quota *quota, const struct quota_limits *limits,
                       const struct quota_request *request, int64_t *again_us);
/* It was used, or is of no use any more. */
void quota_used(struct quota *quota, const char *owner, const char *id);
/* Forgets whom nothing is to be remembered of. */
void quota_sweep(struct quota *quota, int64_t now_us);
