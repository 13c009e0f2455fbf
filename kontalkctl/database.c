/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The database: schema and connection.
 */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "c2s/schema.h"
#include "common/base/error.h"
#include "common/config/number.h"
#include "kontalkctl/ctl.h"

static bool names_a_user(const char *conninfo)
{
    return getenv("PGUSER") || strstr(conninfo, "user=") || strstr(conninfo, "://");
}

const char *ctl_database_user(const char *conninfo, const char *user)
{
    return geteuid() == 0 && !names_a_user(conninfo) && getpwnam(user) ? user : NULL;
}

/* Who we are is seen when the connection is made. */
int ctl_database_quietly(const char *conninfo, const char *user, struct db_session **session,
                         const char **problem)
{
    const char *name = ctl_database_user(conninfo, user);
    const struct passwd *owner = name ? getpwnam(name) : NULL;

    if (owner && seteuid(owner->pw_uid) != 0)
        owner = NULL;
    int error = db_session_open(conninfo, session, problem);
    if (owner && seteuid(0) != 0)
        abort();
    return error;
}

struct db_session *ctl_database_as(const char *conninfo, const char *user)
{
    struct db_session *session = NULL;
    const char *problem = NULL;

    if (ctl_database_quietly(conninfo, user, &session, &problem) == 0)
        return session;
    ctl_fail("the database cannot be reached: %s", problem);
    db_session_close(session);
    return NULL;
}

const char *ctl_conninfo(const struct config *config, const char *section)
{
    const char *owner = strcmp(section, "database") == 0
                            ? config_text(config, section, NULL, "owner-conninfo")
                            : NULL;

    return owner ? owner : config_text(config, section, NULL, "conninfo");
}

struct db_session *ctl_database(const struct ctl *ctl)
{
    const char *conninfo = ctl_conninfo(ctl->config, "database");

    if (conninfo)
        return ctl_database_as(conninfo, CTL_OWNER);
    ctl_fail("the configuration names no database ([database] conninfo)");
    return NULL;
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

static const struct db_statement read_home = {
    "ctl_home_read", "SELECT name, epoch FROM home WHERE home_id = $1::bigint", 1};
/* Never lower: what was done under a higher one would come back to life. */
static const struct db_statement raise_home = {
    "ctl_home_raise",
    "UPDATE home SET epoch = $2::bigint WHERE home_id = $1::bigint AND epoch < $2", 2};

static int run_on_home(const struct ctl *ctl, const struct db_statement *statement, int64_t epoch,
                       struct db_result **result)
{
    struct db_session *session = ctl_database(ctl);
    const struct db_value values[] = {DB_INT(SCHEMA_HOME), DB_INT(epoch)};
    const char *problem = NULL;

    if (session == NULL)
        return ERR_UNAVAILABLE;
    int error = db_session_run(session, statement, values, result, &problem);
    if (error)
        ctl_fail("%s", problem ? problem : error_text(error));
    db_session_close(session);
    return error;
}

static int show_home(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct db_result *result = NULL;
    int error = run_on_home(ctl, &read_home, 0, &result);

    (void)argc;
    (void)argv;
    if (error == 0 && db_rows(result) > 0)
        printf("home %s epoch %" PRId64 "\n", db_get_text(result, 0, 0), db_get_int(result, 0, 1));
    db_result_free(result);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int raise_epoch(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct db_result *result = NULL;
    int64_t epoch;

    (void)argc;
    if (config_number_parse(CONFIG_NUMBER, argv[0], &epoch) != 0 || epoch < 1)
        return ctl_fail("%s is not an epoch", argv[0]);
    int error = run_on_home(ctl, &raise_home, epoch, &result);
    if (error == 0 && db_affected(result) == 0)
        error = ctl_fail("the epoch of the home is not lower than %s", argv[0]);
    db_result_free(result);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct ctl_verb database_verbs[] = {
    {"db migrate", 0, 0, migrate, "  creates the tables, or brings them up to date"},
    {"home show", 0, 0, show_home, "  the name of the home in the database, and its epoch"},
    {"home raise", 1, 1, raise_epoch, "EPOCH  after a restore or a takeover (docs/NETWORK.md)"},
    {0},
};
