/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who may say what, as far as the peer's key and the network document show it (docs/NETWORK.md).
 * What the directory and sessions show is for c2s to check. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/component/durable.h"
#include "common/network/network.h"

enum rejection {
    REJECT_FROM,    /* it does not come from the peer's host */
    REJECT_TO,      /* it is not for our host */
    REJECT_KIND,    /* no message between nodes */
    REJECT_STAGE,   /* an envelope of no known stage, or with a wrong sender in it */
    REJECT_HOME,    /* the peer does not serve that home */
    REJECT_EPOCH,   /* of an epoch of that home which is not the document's */
    REJECT_ROLE,    /* the peer has no role for it */
    REJECT_UNKNOWN, /* an element that we had to understand */
    REJECTIONS
};

struct judge {
    const struct network *network;
    const char *host; /* ours */
    const char *peer; /* who is at the other end: proven */
    int64_t now;      /* seconds since 1970 */
};

/* -1: it may pass. An envelope in it gets the attribute `peer`, whatever it had before. */
MUST_CHECK int judge_stanza(const struct judge *judge, const struct stanza *stanza);
/* The same for took, refused and forget. */
MUST_CHECK int judge_answer(const struct judge *judge, const struct durable *answer);
/* Whether it is a message that nodes send each other, which nothing else may go out as. */
bool judge_is_node_message(const struct stanza *stanza);

/* "forged-from" and so on. */
const char *rejection_name(enum rejection rejection);
/* What the sender is told, and whether it may be true again later ("wait"). */
enum stanza_condition rejection_condition(enum rejection rejection);
const char *rejection_type(enum rejection rejection);
