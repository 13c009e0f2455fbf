/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How fast TLS handshakes are begun: they cost the most of all that strangers can ask for, so a
 * flood of them waits instead of slowing those who are logged in. Each has its moment, spread
 * evenly. In the minute behind the start, when everybody comes back at once and there is nobody
 * whom that could slow, as many as in five seconds are begun without waiting.
 */
#pragma once

#include <stdint.h>

struct pace {
    uint64_t started_us; /* by the clock that never goes back */
    uint64_t next_us;
};

/* After how many µs the next one may begin. */
uint64_t pace_wait(struct pace *pace, uint64_t now_us, uint64_t per_second);
