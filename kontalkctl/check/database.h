/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Questions to the database that wait.
 */
#pragma once

#include "common/db/db.h"
#include "kontalkctl/check/check.h"

/* NULL: *problem says why, in the arena. */
struct db_session *database_open(struct check *check, const char **problem);
/* The result of a statement without parameters; NULL: *problem says why, in the arena. */
struct db_result *database_ask(struct check *check, struct db_session *session, const char *sql,
                               const char **problem);
