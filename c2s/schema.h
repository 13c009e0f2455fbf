/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tables of a home, and how they come to be (docs/SCHEMA.md): numbered steps of one statement
 * each, only ever added to. Each step is committed together with its number in schema_version,
 * under the lock of that row, so that a run can be interrupted anywhere, repeated, and run twice at
 * once.
 */
#pragma once

#include <stdint.h>

#include "common/base/macros.h"
#include "common/db/db.h"

/* The home of a node without a network document. */
#define SCHEMA_HOME 1

/* The number of the last step this program knows. */
int64_t schema_version(void);

/* For kontalkctl: brings the database to schema_version(). A newer database is left alone. *from is
 * the version found, 0 in an empty database. Errors as db_session_run(). */
MUST_CHECK int schema_migrate(struct db_session *session, int64_t *from, const char **problem);

/* Whether this program can work with the database: status 0; ERR_UNSUPPORTED (too old, or too new
 * to be understood); ERR_NOT_FOUND (no schema); others as db_callback. `version` is what the
 * database has, if it could be read. */
typedef void schema_checked(void *user, int status, int64_t version);
void schema_check(struct db *db, schema_checked *checked, void *user);
