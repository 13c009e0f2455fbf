/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tables of kontalk-muc, in a schema of PostgreSQL and with a role of its own (docs/ROOMS.md).
 * It brings them up to date itself when it starts: numbered steps of one statement each, only ever
 * added to, each committed together with its number.
 */
#pragma once

#include "muc/muc.h"

struct schema_work;

/* The number of the last step this program knows. */
int64_t schema_rooms_version(void);

/* Begins; tries again until it is done, then done(muc). */
struct schema_work *schema_begin(struct muc *muc, void (*done)(struct muc *muc));
/* NULL is allowed. */
void schema_end(struct schema_work *work);
