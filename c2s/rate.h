/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A token bucket. What is taken may overdraw it; the debt says how long to wait.
 */
#pragma once

#include <stdint.h>

struct rate {
    uint64_t per_second; /* 0: unlimited */
    uint64_t burst;
    int64_t tokens_milli; /* thousandths */
    uint64_t updated_ms;
};

void rate_init(struct rate *rate, uint64_t per_second, uint64_t burst, uint64_t now_ms);
/* Takes `amount`; returns for how many milliseconds nothing more should be taken (0: go on). */
uint64_t rate_take(struct rate *rate, uint64_t amount, uint64_t now_ms);
