/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How often each limit of the configuration has held somebody back, since the start: for the metric
 * kontalk_limits, so that a limit that bites can be seen whatever else is said of it.
 */
#pragma once

#include <stdint.h>

/* key: as the configuration has it ("sasl-tries"), a literal; of a limit before authentication
 * that of the one after it. */
void limit_reached(const char *key);
/* In the order in which they came first. */
void limit_each(void (*each)(void *user, const char *key, uint64_t count), void *user);
