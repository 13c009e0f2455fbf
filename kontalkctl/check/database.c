/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * PostgreSQL: its version and settings, how fast it answers, the tables, room for connections, what
 * the role may do, and who holds others up.
 */
#include "kontalkctl/check/database.h"

#include <inttypes.h>
#include <string.h>

#include "c2s/schema.h"
#include "common/base/clock.h"

#define OLDEST_VERSION 130000 /* as docs/INSTALL.md has it */
#define SLOW_US        20000
#define QUESTIONS      5

struct db_session *database_open(struct check *check, const char **problem)
{
    const char *conninfo = config_text(check->config, "database", NULL, "conninfo");
    struct db_session *session = NULL;

    *problem = "the configuration names no database ([database] conninfo)";
    if (conninfo && ctl_database_quietly(conninfo, CTL_OWNER, &session, problem) == 0)
        return session;
    *problem = arena_strdup(check->arena, *problem);
    db_session_close(session);
    return NULL;
}

struct db_result *database_ask(struct check *check, struct db_session *session, const char *sql,
                               const char **problem)
{
    const struct db_statement statement = {"ctl_check", sql, 0};
    struct db_result *result = NULL;
    const char *said = "";

    if (db_session_run(session, &statement, NULL, &result, &said) != 0)
        *problem = arena_strdup(check->arena, said);
    return result;
}

/* --- the statements, and what they mean --- */

struct base {
    struct check *check;
    struct db_session *session;
};

static void judge_version(struct base *base, const struct db_result *result)
{
    const int64_t version = db_get_int(result, 0, 0);

    if (version < OLDEST_VERSION)
        check_add(base->check, CHECK_ERROR, "version", "upgrade PostgreSQL (pg_upgradecluster)",
                  "PostgreSQL %s is too old: it has to be 13 at least", db_get_text(result, 0, 1));
    else
        check_add(base->check, CHECK_OK, "version", NULL, "PostgreSQL %s",
                  db_get_text(result, 0, 1));
}

/* docs/DURABILITY.md: what is acknowledged has to be on the disk. */
static void judge_settings(struct base *base, const struct db_result *result)
{
    struct arena *arena = base->check->arena;

    for (size_t row = 0; row < db_rows(result); row++)
        check_add(base->check, CHECK_ERROR, db_get_text(result, row, 0),
                  arena_printf(arena,
                               "ALTER SYSTEM SET %s = 'on'; SELECT pg_reload_conf(); (in psql, as "
                               "postgres)",
                               db_get_text(result, row, 0)),
                  "it is %s: messages that were acknowledged may be lost in a crash",
                  db_get_text(result, row, 1));
    if (db_rows(result) == 0)
        check_add(base->check, CHECK_OK, "settings", NULL,
                  "what is committed is on the disk (fsync, full_page_writes, "
                  "synchronous_commit)");
}

static int64_t least_free(const struct config *config)
{
    return config_number(config, "database", NULL, "connections") + 1;
}

static void judge_connections(struct base *base, const struct db_result *result)
{
    const int64_t most = db_get_int(result, 0, 0), used = db_get_int(result, 0, 1);
    const int64_t needed = least_free(base->check->config);

    if (most - used < needed)
        check_add(base->check, CHECK_WARNING, "connections",
                  arena_printf(base->check->arena,
                               "ALTER SYSTEM SET max_connections = %" PRId64
                               "; (in psql, as postgres) then: systemctl restart postgresql",
                               most + 100),
                  "%" PRId64 " of %" PRId64 " are in use: no room for a worker that comes back",
                  used, most);
    else
        check_add(base->check, CHECK_OK, "connections", NULL,
                  "%" PRId64 " of %" PRId64 " are in use", used, most);
}

static void judge_role(struct base *base, const struct db_result *result)
{
    if (db_get_bool(result, 0, 1))
        check_add(base->check, CHECK_NOTE, "role",
                  arena_printf(base->check->arena, "ALTER ROLE \"%s\" NOSUPERUSER;",
                               db_get_text(result, 0, 0)),
                  "%s is a superuser, which nothing here needs", db_get_text(result, 0, 0));
}

static void judge_privileges(struct base *base, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++)
        check_add(base->check, CHECK_ERROR, db_get_text(result, row, 0),
                  arena_printf(base->check->arena,
                               "GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO \"%s\"; (as the "
                               "owner of the table)",
                               db_get_text(result, row, 0), db_get_text(result, row, 1)),
                  "the role %s may not read and write this table", db_get_text(result, row, 1));
    if (db_rows(result) == 0)
        check_add(base->check, CHECK_OK, "privileges", NULL, "the role may use all tables");
}

static void judge_waiting(struct base *base, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++)
        check_add(base->check, CHECK_WARNING,
                  arena_printf(base->check->arena, "session %s", db_get_text(result, row, 0)),
                  arena_printf(base->check->arena, "SELECT pg_terminate_backend(%s); (in psql)",
                               db_get_text(result, row, 0)),
                  "a transaction of '%s' has been open for %s s; locks and old rows stay as long",
                  db_get_text(result, row, 1), db_get_text(result, row, 2));
}

static void judge_size(struct base *base, const struct db_result *result)
{
    check_add(base->check, CHECK_OK, "size", NULL, "%s", db_get_text(result, 0, 0));
}

static const struct question {
    const char *sql;
    void (*judge)(struct base *base, const struct db_result *result);
} QUESTION_ROWS[] = {
    {"SELECT current_setting('server_version_num')::bigint, current_setting('server_version')",
     judge_version},
    {"SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes',"
     " 'synchronous_commit') AND setting = 'off'",
     judge_settings},
    {"SELECT current_setting('max_connections')::bigint"
     " - current_setting('superuser_reserved_connections')::bigint,"
     " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')",
     judge_connections},
    {"SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user", judge_role},
    {"SELECT c.oid::regclass, current_user FROM pg_class c WHERE c.relkind IN ('r', 'p')"
     " AND c.relnamespace = current_schema()::regnamespace AND NOT (has_table_privilege(c.oid,"
     " 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')"
     " AND has_table_privilege(c.oid, 'DELETE')) ORDER BY 1",
     judge_privileges},
    {"SELECT pid, application_name, extract(epoch FROM now() - xact_start)::bigint"
     " FROM pg_stat_activity WHERE datname = current_database() AND xact_start"
     " < now() - interval '60 seconds' AND backend_type = 'client backend'",
     judge_waiting},
    {"SELECT pg_size_pretty(pg_database_size(current_database()))", judge_size},
};

static void ask_all(struct base *base)
{
    for (size_t i = 0; i < ARRAY_SIZE(QUESTION_ROWS); i++) {
        const char *problem = NULL;
        struct db_result *result =
            database_ask(base->check, base->session, QUESTION_ROWS[i].sql, &problem);
        if (result)
            QUESTION_ROWS[i].judge(base, result);
        else
            check_add(base->check, CHECK_WARNING, "question", NULL, "%s", problem);
        db_result_free(result);
    }
}

/* --- the tables, and time --- */

static void check_schema(struct base *base)
{
    const char *problem = NULL;
    struct db_result *result =
        database_ask(base->check, base->session, "SELECT version FROM schema_version", &problem);
    const int64_t version = result && db_rows(result) > 0 ? db_get_int(result, 0, 0) : 0;

    if (version < schema_version())
        check_add(base->check, CHECK_ERROR, "schema", "kontalkctl db migrate",
                  "its version is %" PRId64 ", this program needs %" PRId64, version,
                  schema_version());
    else if (version > schema_version())
        check_add(base->check, CHECK_WARNING, "schema", "upgrade the programs of Kontalk",
                  "its version %" PRId64 " is newer than %" PRId64 ", which this program knows",
                  version, schema_version());
    else
        check_add(base->check, CHECK_OK, "schema", NULL, "version %" PRId64, version);
    db_result_free(result);
}

/* The best of a few, so that a busy moment is no slow database. */
static void check_latency(struct base *base)
{
    uint64_t best_us = UINT64_MAX;

    for (int i = 0; i < QUESTIONS; i++) {
        const char *problem;
        uint64_t begun_us = clock_monotonic_us();
        db_result_free(database_ask(base->check, base->session, "SELECT 1", &problem));
        best_us = MIN(best_us, clock_monotonic_us() - begun_us);
    }
    check_add(base->check, best_us > SLOW_US ? CHECK_WARNING : CHECK_OK, "latency",
              best_us > SLOW_US ? "put the database nearer, or on this machine" : NULL,
              "answers within %" PRIu64 " us", best_us);
}

static void check_accounts(struct check *check)
{
    struct base base = {.check = check};
    const char *problem = NULL;

    base.session = database_open(check, &problem);
    if (!base.session) {
        check_add(check, CHECK_ERROR, "connection",
                  "systemctl status postgresql; kontalkctl conf explain conninfo",
                  "the database cannot be reached: %s", problem);
        return;
    }
    check_schema(&base);
    check_latency(&base);
    ask_all(&base);
    db_session_close(base.session);
}

void check_database(struct check *check)
{
    check_accounts(check);
    if (check_has(check, "muc"))
        check_rooms(check);
    if (check_has(check, "files"))
        check_index(check);
}
