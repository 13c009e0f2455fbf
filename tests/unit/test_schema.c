/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Migrations: from nothing, again, two at once, and what a worker says of the result.
 */
#include "c2s/schema.h"

#include <inttypes.h>

#include "c2s/schema_steps.h"

#include <pthread.h>

#include "tests/unit/database.h"

static void migrate(struct world *world, int64_t expected_from)
{
    const char *problem = NULL;
    int64_t from = -1;

    if (schema_migrate(world->session, &from, &problem) < 0) {
        fail_msg("%s", problem);
    }
    assert_int_equal(from, expected_from);
}

struct answer {
    int calls;
    int status;
    int64_t version;
};

static void on_checked(void *user, int status, int64_t version)
{
    *(struct answer *)user = (struct answer){1, status, version};
}

static int check(struct world *world, int64_t *version)
{
    struct answer answer = {0};

    schema_check(world->db, on_checked, &answer);
    assert_int_equal(answer.calls, 0);
    RUN_UNTIL(world, answer.calls > 0);
    *version = answer.version;
    return answer.status;
}

static void test_from_nothing(void **state)
{
    struct world *world = get_world(state);
    int64_t version = -1;

    open_db(world, (struct db_settings){0});
    assert_int_equal(check(world, &version), ERR_NOT_FOUND);
    migrate(world, 0);
    assert_int_equal(check(world, &version), 0);
    assert_int_equal(version, schema_version());
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM home WHERE home_id = 1 AND epoch = 1"),
                     1);
}

static void test_again(void **state)
{
    struct world *world = get_world(state);

    migrate(world, 0);
    run_sql(world, "INSERT INTO domain VALUES (1, 'example.net')");
    migrate(world, schema_version());
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM domain"), 1);
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM home"), 1);
}

/* On engines where a step is not undone with its number it may be done twice. */
static void test_steps_may_be_repeated(void **state)
{
    struct world *world = get_world(state);

    migrate(world, 0);
    run_sql(world, "INSERT INTO vcard VALUES (1, '<vCard/>')");
    run_sql(world, "UPDATE schema_version SET version = 0");
    migrate(world, 0);
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM vcard"), 1);
}

/* The version of a database in which this step has not been done yet. */
static int64_t steps_before(const char *sql)
{
    for (size_t i = 0; i < schema_steps_count; i++) {
        if (strncmp(schema_steps[i].sql, sql, strlen(sql)) == 0) {
            return (int64_t)i;
        }
    }
    fail_msg("there is no step: %s", sql);
    return -1;
}

static void test_goes_on_where_it_stopped(void **state)
{
    struct world *world = get_world(state);

    int64_t before = steps_before("CREATE TABLE IF NOT EXISTS message (");
    char *rewind = xasprintf("UPDATE schema_version SET version = %" PRId64, before);

    migrate(world, 0);
    run_sql(world, "DROP TABLE message");
    run_sql(world, rewind);
    free(rewind);
    migrate(world, before);
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM message"), 0);
}

/* A step that fails leaves everything as it was before it. */
static void test_failing_step(void **state)
{
    struct world *world = get_world(state);
    const char *problem = NULL;
    int64_t from;

    run_sql(world, "CREATE TYPE roster_item AS ENUM ('in the way')");
    assert_int_equal(schema_migrate(world->session, &from, &problem), ERR_SYSTEM);
    assert_true(strlen(problem) > 0);
    run_sql(world, "DROP TYPE roster_item");
    migrate(world, ask_sql(world, "SELECT version FROM schema_version"));
}

static const struct {
    int version, oldest; /* relative to this program's */
    int status;
} judgements[] = {
    {0, 0, 0}, {1, 0, 0}, {5, -3, 0}, {-20, -25, ERR_UNSUPPORTED}, {1, 1, ERR_UNSUPPORTED},
};

static void test_judgement(void **state)
{
    struct world *world = get_world(state);

    migrate(world, 0);
    open_db(world, (struct db_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(judgements); i++) {
        int64_t wanted = schema_version() + judgements[i].version, version;
        char *sql = xasprintf("UPDATE schema_version SET version = %d, oldest = %d", (int)wanted,
                              (int)schema_version() + judgements[i].oldest);

        run_sql(world, sql);
        free(sql);
        assert_int_equal(check(world, &version), judgements[i].status);
        assert_int_equal(version, wanted);
    }
}

static void test_newer_is_left_alone(void **state)
{
    struct world *world = get_world(state);

    migrate(world, 0);
    run_sql(world, "UPDATE schema_version SET version = version + 7");
    migrate(world, schema_version() + 7);
    assert_int_equal(ask_sql(world, "SELECT version FROM schema_version"), schema_version() + 7);
}

struct runner {
    pthread_t thread;
    const char *conninfo;
    int error;
};

static void *run_migration(void *user)
{
    struct runner *runner = user;
    struct db_session *session;
    const char *problem;
    int64_t from;

    runner->error = db_session_open(runner->conninfo, &session, &problem);
    if (runner->error == 0) {
        runner->error = schema_migrate(session, &from, &problem);
    }
    db_session_close(session);
    return NULL;
}

static void test_many_at_once(void **state)
{
    struct world *world = get_world(state);
    struct runner runners[6];
    int64_t version;

    for (size_t i = 0; i < ARRAY_SIZE(runners); i++) {
        runners[i].conninfo = world->conninfo;
        assert_int_equal(pthread_create(&runners[i].thread, NULL, run_migration, &runners[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(runners); i++) {
        pthread_join(runners[i].thread, NULL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(runners); i++) {
        assert_int_equal(runners[i].error, 0);
    }
    open_db(world, (struct db_settings){0});
    assert_int_equal(check(world, &version), 0);
}

/* The statements of docs/SCHEMA.md: numbers are counted, names are unique. */
static void test_account_numbers(void **state)
{
    static const struct db_statement next = {
        "test_account_next", "UPDATE home SET last_account = last_account + 1 WHERE home_id = $1",
        1};
    static const struct db_statement insert = {
        "test_account_insert",
        "INSERT INTO account (owner, domain, local, slot, created) SELECT last_account, $2, $3, $4,"
        " $5 FROM home WHERE home_id = $1 RETURNING owner",
        5};
    static const char *const locals[] = {"alice", "bob", "alice", "carol"};
    static const int64_t owners[] = {1, 2, 0, 3};
    struct world *world = get_world(state);

    migrate(world, 0);
    open_db(world, (struct db_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(locals); i++) {
        struct db_unit *unit = db_unit_new(world->db, 0);

        db_unit_add_values(unit, &next, DB_INT(SCHEMA_HOME));
        db_unit_add_values(unit, &insert, DB_INT(SCHEMA_HOME), DB_TEXT("example.net"),
                           DB_TEXT(locals[i]), DB_INT(7), DB_TEXT("2024-01-02T03:04:05Z"));
        db_submit(unit, on_done, &world->outcomes[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(locals); i++) {
        assert_int_equal(wait_for(world, &world->outcomes[i]), owners[i] == 0 ? ERR_CONFLICT : 0);
        assert_int_equal(world->outcomes[i].value, owners[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DB_TEST(test_from_nothing),          DB_TEST(test_again),
        DB_TEST(test_steps_may_be_repeated), DB_TEST(test_goes_on_where_it_stopped),
        DB_TEST(test_failing_step),          DB_TEST(test_judgement),
        DB_TEST(test_newer_is_left_alone),   DB_TEST(test_many_at_once),
        DB_TEST(test_account_numbers),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
