/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tables that a backup has: each set of the role that owns it, in a dump of its own. For
 * backup_database.c, which makes the dumps, and restore_database.c, which reads them.
 */
#pragma once

#include "common/base/error.h"
#include "kontalkctl/backup.h"

struct backup_store {
    const char *section; /* whose conninfo */
    const char *user;    /* who owns them */
    const char *name;    /* in schema_version */
    const char *dump;
    const char *what;
    enum backup_value step;
    const char *filled; /* "SELECT EXISTS …" */
};
enum { BACKUP_STORE_ACCOUNTS, BACKUP_STORE_ROOMS, BACKUP_STORES };
extern const struct backup_store backup_stores[BACKUP_STORES];

/* Runs a program of PostgreSQL as that user of the system (NULL: as who runs this), with these for
 * its input and output (-1: ours). It says itself what is wrong. ERR_SYSTEM. */
MUST_CHECK int backup_run(const char *user, int in, int out, const char *const *argv);
/* Says it, and returns the error. */
int backup_complain(const char *problem, int error);
/* The first column of the answer, in the arena; NULL: there is no row, or it has no value. */
MUST_CHECK int backup_ask(struct db_session *session, struct arena *arena, const char *sql,
                          const struct db_value *values, int parameters, const char **answer);
/* The version of the tables; NULL: there are none. */
MUST_CHECK int backup_ask_step(struct db_session *session, struct arena *arena,
                               const struct backup_store *store, const char **step);
