/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * So many messages in ten seconds.
 */
#include "muc/rate.h"

#include "common/base/clock.h"

#define WINDOW_MS 10000

/* Of presence, which goes to everybody and, from who enters again, brings back everybody's. */
#define PRESENCE_MAX 50

static void begin_window(struct occupant *occupant)
{
    uint64_t now = clock_monotonic_ms();

    if (occupant->rate_ms + WINDOW_MS > now)
        return;
    occupant->rate_ms = now;
    occupant->rate_count = occupant->presence_count = 0;
}

bool rate_allows(const struct room *room, struct occupant *occupant)
{
    begin_window(occupant);
    if (occupant->role == ROLE_MODERATOR)
        return true;
    return ++occupant->rate_count <= room->muc->limits.rate;
}

bool rate_allows_presence(struct occupant *occupant)
{
    begin_window(occupant);
    return ++occupant->presence_count <= PRESENCE_MAX;
}
