/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Applying the migrations, and asking whether they were applied.
 */
#include "c2s/schema.h"

#include <stdlib.h>

#include "c2s/schema_steps.h"
#include "common/base/error.h"
#include "common/base/memory.h"

/* Two sessions that create the same table at once: one of them fails in the system catalogue, IF
 * NOT EXISTS or not, and finds it on the next try. */
#define CREATE_TRIES 5

/* The lowest version that this program's statements can work with. Workers are restarted after the
 * migration, one by one: each release works with the schema of the release before it and, as steps
 * only add, with later ones until a step says otherwise. */
#define NEEDED 65

static const char create[] = "CREATE TABLE IF NOT EXISTS schema_version ("
                             " name text PRIMARY KEY,"
                             " version bigint NOT NULL,"
                             " oldest bigint NOT NULL)";

static const struct db_statement begin_row = {
    "schema_begin_row",
    "INSERT INTO schema_version (name, version, oldest) VALUES ('c2s', 0, 0)"
    " ON CONFLICT DO NOTHING",
    0};
/* Held to the end of the transaction: one runner at a time. */
static const struct db_statement lock = {
    "schema_lock", "SELECT version FROM schema_version WHERE name = 'c2s' FOR UPDATE", 0};
static const struct db_statement advance = {
    "schema_advance",
    "UPDATE schema_version SET version = $1,"
    " oldest = CASE WHEN oldest < $2 THEN $2 ELSE oldest END"
    " WHERE name = 'c2s'",
    2};
static const struct db_statement current = {
    "schema_current", "SELECT version, oldest FROM schema_version WHERE name = 'c2s'", 0};

int64_t schema_version(void)
{
    return (int64_t)schema_steps_count;
}

static int run(struct db_session *session, const struct db_statement *statement,
               const struct db_value *values, const char **problem)
{
    struct db_result *result;
    int error = db_session_run(session, statement, values, &result, problem);

    db_result_free(result);
    return error;
}

static int create_table(struct db_session *session, const char **problem)
{
    int error = ERR_CONFLICT;

    for (int i = 0; i < CREATE_TRIES && error < 0; i++) {
        error = db_session_execute(session, create, problem);
    }
    return error < 0 ? error : run(session, &begin_row, NULL, problem);
}

static int lock_version(struct db_session *session, int64_t *version, const char **problem)
{
    struct db_result *result;
    int error = db_session_run(session, &lock, NULL, &result, problem);

    if (error == 0) {
        *version = db_get_int(result, 0, 0);
    }
    db_result_free(result);
    return error;
}

static int do_step(struct db_session *session, int64_t number, const char **problem)
{
    const struct schema_step *step = &schema_steps[number - 1];
    const struct db_value values[] = {DB_INT(number), DB_INT(step->oldest)};
    int error = db_session_execute(session, step->sql, problem);

    return error < 0 ? error : run(session, &advance, values, problem);
}

/* *version: what was found. */
static int next_step(struct db_session *session, int64_t *version, const char **problem)
{
    int error = lock_version(session, version, problem);

    if (error < 0 || *version >= schema_version()) {
        return error;
    }
    return do_step(session, *version + 1, problem);
}

static int end(struct db_session *session, int error, const char **problem)
{
    const char *later;
    int ended = db_session_execute(session, error < 0 ? "ROLLBACK" : "COMMIT",
                                   error < 0 ? &later : problem);

    return error < 0 ? error : ended;
}

int schema_migrate(struct db_session *session, int64_t *from, const char **problem)
{
    int64_t version = 0;
    int error = create_table(session, problem);

    for (*from = -1; error == 0 && version < schema_version();) {
        error = db_session_execute(session, "BEGIN", problem);
        if (error == 0) {
            error = end(session, next_step(session, &version, problem), problem);
        }
        *from = *from < 0 ? version : *from;
    }
    return error;
}

struct check {
    schema_checked *checked;
    void *user;
};

static int judge(int64_t version, int64_t oldest)
{
    return version >= NEEDED && oldest <= schema_version() ? 0 : ERR_UNSUPPORTED;
}

static void version_read(void *user, int status, const struct db_result *results, size_t count)
{
    struct check *check = user;
    int64_t version = 0;

    if (status == 0 && (count == 0 || db_rows(&results[0]) == 0)) {
        status = ERR_NOT_FOUND;
    } else if (status == 0) {
        version = db_get_int(&results[0], 0, 0);
        status = judge(version, db_get_int(&results[0], 0, 1));
    }
    check->checked(check->user, status, version);
    free(check);
}

void schema_check(struct db *db, schema_checked *checked, void *user)
{
    struct check *check = xmalloc(sizeof(*check));

    *check = (struct check){.checked = checked, .user = user};
    db_query(db, 0, &current, NULL, version_read, check);
}
