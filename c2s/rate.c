/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Token bucket arithmetic.
 */
#include "c2s/rate.h"

#include "common/base/macros.h"

void rate_init(struct rate *rate, uint64_t per_second, uint64_t burst, uint64_t now_ms)
{
    rate->per_second = per_second;
    rate->burst = burst;
    rate->tokens_milli = (int64_t)burst * 1000;
    rate->updated_ms = now_ms;
}

uint64_t rate_take(struct rate *rate, uint64_t amount, uint64_t now_ms)
{
    if (rate->per_second == 0)
        return 0;
    /* The bucket is full after burst / per_second seconds; longer times would only overflow. */
    uint64_t full_ms = rate->burst * 1000 / rate->per_second + 1;
    uint64_t passed_ms = MIN(now_ms - rate->updated_ms, full_ms + 3600 * 1000);
    int64_t tokens = rate->tokens_milli + (int64_t)(passed_ms * rate->per_second);

    int64_t full = (int64_t)rate->burst * 1000;
    int64_t taken = (int64_t)amount * 1000;
    int64_t before = MIN(tokens, full);

    rate->updated_ms = now_ms;
    /* A flood owes one burst, or the largest piece of it if that is more; with all of it the door
     * would be shut for hours. */
    rate->tokens_milli = MAX(before - taken, MIN(before, -MAX(full, taken)));
    if (rate->tokens_milli >= 0)
        return 0;
    return (uint64_t)-rate->tokens_milli / rate->per_second + 1;
}
