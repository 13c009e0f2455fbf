/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The pace of handshakes.
 */
#include "c2s/pace.h"

#include "common/base/macros.h"

#define SECOND_US 1000000
#define START_US  (60 * (uint64_t)SECOND_US)
#define AHEAD_US  (5 * (uint64_t)SECOND_US)

uint64_t pace_wait(struct pace *pace, uint64_t now_us, uint64_t per_second)
{
    uint64_t ahead_us = now_us - pace->started_us < START_US ? MIN(AHEAD_US, now_us) : 0;
    uint64_t moment_us = MAX(pace->next_us, now_us - ahead_us);

    pace->next_us = moment_us + SECOND_US / per_second;
    return moment_us > now_us ? moment_us - now_us : 0;
}
