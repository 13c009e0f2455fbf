/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Anti-flood: what an occupant may say in a while ([muc] rate).
 */
#pragma once

#include "muc/room.h"

/* Whether one more is allowed, which is counted then. */
bool rate_allows(const struct room *room, struct occupant *occupant);
/* The same for changes of presence, moderators' too. */
bool rate_allows_presence(struct occupant *occupant);
