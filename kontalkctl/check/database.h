/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Questions to the database that wait.
 */
#pragma once

#include "common/db/db.h"
#include "kontalkctl/check/check.h"

/* NULL: *problem says why, in the arena. */
struct db_session *database_open(struct check *check, const char **problem);
/* rooms.c: where kontalk-muc and kontalk-files keep what they have. */
void check_rooms(struct check *check);
void check_index(struct check *check);
/* The result of a statement without parameters; NULL: *problem says why, in the arena. */
struct db_result *database_ask(struct check *check, struct db_session *session, const char *sql,
                               const char **problem);
