/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who follows an attempt to reach a domain, step by step (probe.c). Where there is none, which is
 * the rule, the pointer is NULL and nothing is said.
 */
#pragma once

#include "common/base/macros.h"
#include "s2s/dns.h"

struct trace {
    /* A step: "address", "127.0.0.1:5269: connection refused". */
    void (*line)(struct trace *trace, const char *topic, const char *text);
    /* The domain was not reached. */
    void (*failed)(struct trace *trace, const char *problem);
    /* The last stream of its remote has gone. */
    void (*released)(struct trace *trace);
};

/* NULL is allowed. */
void trace_say(struct trace *trace, const char *topic, const char *format, ...) PRINTF_LIKE(3, 4);
/* What the DNS says; NULL is allowed. */
void trace_answer(struct trace *trace, const char *name, enum dns_type type,
                  const struct dns_answer *answer);
