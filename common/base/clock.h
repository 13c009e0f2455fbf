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
/* For tests: from now on both clocks stand at these values. */
void clock_fake(uint64_t monotonic_ms, int64_t wall_us);
