/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Time. Rules use the monotonic clock; wall time is only ever shown or stored as a column.
 */
#pragma once

#include <stdint.h>

/* Milliseconds, monotonic. */
uint64_t clock_monotonic_ms(void);
/* The same clock in microseconds. */
uint64_t clock_monotonic_us(void);
/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_us(void);
/* A clock that stands while this process does: was it stopped (SIGSTOP, a machine that sleeps), or
 * could it not run, nobody else is late for that. It has to be read every CLOCK_AWAKE_TICK_MS; a
 * much longer time between two readings does not count. Begins with {0}. */
#define CLOCK_AWAKE_TICK_MS 500
struct clock_awake {
    uint64_t read_ms;
    uint64_t asleep_ms; /* that did not count */
};
uint64_t clock_awake_ms(struct clock_awake *clock);
/* For tests: from now on both clocks stand at these values. */
void clock_fake(uint64_t monotonic_ms, int64_t wall_us);
