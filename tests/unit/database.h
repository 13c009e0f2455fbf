/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A database per test and what became of the units sent to it. The server is shared by the tests of
 * a program.
 */
#pragma once

#include <uv.h>

#include "common/base/error.h"
#include "common/db/db.h"
#include "common/io/timer.h"
#include "tests/unit/postgres.h"
#include "tests/unit/unit.h"

static struct postgres postgres;
static const char *postgres_missing;

/* How a unit ended; `value` is the first column of the first row of its last statement. */
struct outcome {
    int calls;
    int status;
    int64_t value;
    int turn; /* 1 for the first unit that ended in this test, and so on */
    struct buffer text;
};

struct world {
    struct loop *loop;
    struct db *db;
    struct db_session *session;
    char *conninfo;
    struct outcome outcomes[256];
    int closed;
};

static int outcome_turn;

static UNUSED void on_done(void *user, int status, const struct db_result *results, size_t count)
{
    struct outcome *outcome = user;

    outcome->calls++;
    outcome->status = status;
    outcome->turn = ++outcome_turn;
    if (count > 0 && db_rows(&results[count - 1]) > 0) {
        outcome->value = db_get_int(&results[count - 1], 0, 0);
        buffer_append_text(&outcome->text, db_get_text(&results[count - 1], 0, 0));
    }
}

static UNUSED void forget_outcomes(struct world *world)
{
    for (size_t i = 0; i < ARRAY_SIZE(world->outcomes); i++) {
        buffer_fini(&world->outcomes[i].text);
        world->outcomes[i] = (struct outcome){0};
    }
}

/* Runs the loop until the condition holds; the runner of the tests limits the time. */
#define RUN_UNTIL(world, condition)                                                                \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            uv_run(loop_uv((world)->loop), UV_RUN_ONCE);                                           \
        }                                                                                          \
    } while (0)

static UNUSED int wait_for(struct world *world, struct outcome *outcome)
{
    RUN_UNTIL(world, outcome->calls > 0);
    assert_int_equal(outcome->calls, 1);
    return outcome->status;
}

static UNUSED void run_sql(struct world *world, const char *sql)
{
    const char *problem = NULL;

    if (db_session_execute(world->session, sql, &problem) < 0) {
        fail_msg("%s: %s", sql, problem);
    }
}

static UNUSED int64_t ask_sql(struct world *world, const char *sql)
{
    const struct db_statement statement = {"ask", sql, 0};
    const char *problem = NULL;
    struct db_result *result;
    int64_t value;

    if (db_session_run(world->session, &statement, NULL, &result, &problem) < 0) {
        fail_msg("%s: %s", sql, problem);
    }
    value = db_get_int(result, 0, 0);
    db_result_free(result);
    return value;
}

/* Until so many backends wait for a lock. (pg_stat_activity stands still in a transaction.) */
static UNUSED void run_until_blocked(struct world *world, int64_t backends)
{
    while (ask_sql(world, "SELECT count(*) FROM pg_locks WHERE NOT granted") != backends) {
        uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
    }
}

static void open_session(struct world *world)
{
    const char *problem = NULL;

    if (db_session_open(world->conninfo, &world->session, &problem) < 0) {
        fail_msg("%s", problem);
    }
}

static UNUSED void open_db(struct world *world, struct db_settings settings)
{
    settings.conninfo = world->conninfo;
    if (settings.connections == 0) {
        settings.connections = 1;
    }
    world->db = db_open(world->loop, &settings);
}

/* A short deadline is for what comes behind it: a busy machine may take longer to connect. */
static UNUSED void run_until_connected(struct world *world)
{
    RUN_UNTIL(world, db_available(world->db));
}

/* The value of a statement that is asked until it is answered within the deadline. */
static UNUSED int64_t ask_until_answered(struct world *world, const struct db_statement *statement)
{
    struct outcome outcome = {0};
    int64_t value;

    do {
        buffer_fini(&outcome.text);
        outcome = (struct outcome){0};
        db_query(world->db, 0, statement, NULL, on_done, &outcome);
    } while (wait_for(world, &outcome) != 0);
    value = outcome.value;
    buffer_fini(&outcome.text);
    return value;
}

static UNUSED void on_closed(void *user)
{
    *(int *)user += 1;
}

static void create_database(struct world *world)
{
    static int number;
    char *name = xasprintf("test%d", ++number);
    char *sql = xasprintf("CREATE DATABASE %s TEMPLATE template0", name);
    struct world admin = {.conninfo = postgres.conninfo};

    open_session(&admin);
    run_sql(&admin, sql);
    db_session_close(admin.session);
    world->conninfo = xasprintf("host=%s user=test dbname=%s", postgres.directory, name);
    free(sql);
    free(name);
}

static UNUSED int world_setup(void **state)
{
    static struct world world;

    *state = &world;
    world = (struct world){0};
    outcome_turn = 0;
    if (postgres_missing == NULL) {
        world.loop = loop_new();
        create_database(&world);
        open_session(&world);
    }
    return 0;
}

static UNUSED int world_teardown(void **state)
{
    struct world *world = *state;

    if (postgres_missing != NULL) {
        return 0;
    }
    if (world->db != NULL && world->closed == 0) {
        db_close(world->db, on_closed, &world->closed);
        RUN_UNTIL(world, world->closed > 0);
    }
    loop_free(world->loop);
    db_session_close(world->session);
    free(world->conninfo);
    forget_outcomes(world);
    return 0;
}

/* Every test begins with it. */
static UNUSED struct world *get_world(void **state)
{
    if (postgres_missing != NULL) {
        print_message("%s\n", postgres_missing);
        skip();
    }
    return *state;
}

/* What runs before and after all tests. */
static int server_setup(void **state)
{
    (void)state;
    postgres_missing = postgres_new(&postgres);
    return postgres_missing != NULL && postgres.programs != NULL && postgres.directory != NULL;
}

static int server_teardown(void **state)
{
    (void)state;
    postgres_remove(&postgres);
    return 0;
}

#define DB_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
