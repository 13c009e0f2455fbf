/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The statements on the directory's tables (docs/SCHEMA.md).
 */
#pragma once

#include "c2s/directory/grant.h"
#include "common/base/arena.h"
#include "common/db/db.h"

/* Units of the directory have one connection: there is one order for all of them. */
#define ROWS_AFFINITY 0

/* Of an account of our home: the entry gets the next serial of our log. Changes nothing if a later
 * grant is there, or the same one. */
void rows_add_own(struct db_unit *unit, const struct grant *grant);
/* Of another home, with its place in that home's log. */
void rows_add_other(struct db_unit *unit, const struct grant *grant, int64_t serial);

/* For units that may have nothing to write: none may be empty. */
extern const struct db_statement rows_nothing;

/* The columns of an entry, from the first: jid, home, version, deleted, key_id, signature, serial.
 * Strings are copied into the arena. */
#define ROWS_ENTRY         "jid, home, version, deleted, key_id, signature, "
#define ROWS_SERIAL_COLUMN 6
void rows_get(const struct db_result *result, size_t row, struct arena *arena, struct grant *grant,
              int64_t *serial);
