/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which settings of PostgreSQL weaken what an acknowledgement promises (docs/DURABILITY.md).
 */
#pragma once

#include "common/db/db.h"

/* weak: "fsync=off synchronous_commit=off", "" if there is none; valid during the call. Not called
 * if the database does not answer, or does not know these settings. */
typedef void promise_read(void *user, const char *weak);
void promise_check(struct db *db, promise_read *done, void *user);
