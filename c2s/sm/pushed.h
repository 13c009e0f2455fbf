/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How much a session's client has of what changes in versions and is told by pushes: the roster
 * (RFC 6121 §2.1.6), the block list (XEP-0191 §3.3). A push is no stored message: of those that
 * are on their way when the worker dies only this is known, and what came behind it is told again.
 * Pure: no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pushed {
    int64_t sent;    /* the last version that was sent … */
    uint32_t number; /* … with this stanza (XEP-0198 §4) */
    int64_t has;     /* the client has at least this one */
};

static inline void pushed_sent(struct pushed *pushed, int64_t version, uint32_t number)
{
    pushed->sent = version;
    pushed->number = number;
}

/* The client has it, or what was sent to it since then is not known. */
static inline void pushed_set(struct pushed *pushed, int64_t version)
{
    pushed->sent = pushed->has = version;
}

/* The client has handled all up to h. Whether it is known to have more than before. */
static inline bool pushed_acknowledged(struct pushed *pushed, uint32_t h)
{
    if (pushed->has == pushed->sent || h - pushed->number > INT32_MAX)
        return false;
    pushed->has = pushed->sent;
    return true;
}
