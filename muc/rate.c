/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * So many messages in ten seconds.
 */
#include "muc/rate.h"

#include "common/base/clock.h"

#define WINDOW_MS 10000

bool rate_allows(const struct room *room, struct occupant *occupant)
{
    uint64_t now = clock_monotonic_ms();

    if (occupant->rate_ms + WINDOW_MS <= now) {
        occupant->rate_ms = now;
        occupant->rate_count = 0;
    }
    if (occupant->role == ROLE_MODERATOR)
        return true;
    return ++occupant->rate_count <= room->muc->limits.rate;
}
