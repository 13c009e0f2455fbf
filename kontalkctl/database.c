/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The database: schema and connection.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "c2s/schema.h"
#include "common/base/error.h"
#include "kontalkctl/ctl.h"

struct db_session *ctl_database(const struct ctl *ctl)
{
    const char *conninfo = config_text(ctl->config, "database", NULL, "conninfo");
    struct db_session *session = NULL;
    const char *problem = NULL;

    if (conninfo == NULL) {
        ctl_fail("the configuration names no database ([database] conninfo)");
        return NULL;
    }
    if (db_session_open(conninfo, &session, &problem) != 0) {
        ctl_fail("the database cannot be reached: %s", problem);
        db_session_close(session);
        return NULL;
    }
    return session;
}

static int migrate(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct db_session *session = ctl_database(ctl);
    const char *problem = NULL;
    int64_t from;

    (void)argc;
    (void)argv;
    if (session == NULL)
        return EXIT_FAILURE;
    int error = schema_migrate(session, &from, &problem);
    if (error)
        ctl_fail("the schema could not be brought up to date: %s",
                 problem ? problem : error_text(error));
    else
        printf("schema version %" PRId64 " (was %" PRId64 ")\n", schema_version(), from);
    db_session_close(session);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct ctl_verb database_verbs[] = {
    {"db migrate", 0, 0, migrate, "  creates the tables, or brings them up to date"},
    {0},
};
