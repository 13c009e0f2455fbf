/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Units while the database is away, dies, or does not answer.
 */
#include "common/db/db.h"

#include "common/db/connection.h"
#include "tests/unit/database.h"

static const struct db_statement insert = {"fault_insert", "INSERT INTO item (id) VALUES ($1)", 1};
static const struct db_statement count_items = {"fault_count", "SELECT count(*) FROM item", 0};
static const struct db_statement backend = {"fault_backend", "SELECT pg_backend_pid()", 0};

static int available_turns;
static bool available_now;

static void on_changed(void *user, bool available)
{
    (void)user;
    assert_true(available != available_now);
    available_now = available;
    available_turns++;
}

static struct db_unit *submit_insert(struct world *world, int64_t id, struct outcome *outcome)
{
    return db_query(world->db, 0, &insert, (const struct db_value[]){DB_INT(id)}, on_done, outcome);
}

static void submit_count(struct world *world, struct outcome *outcome)
{
    db_query(world->db, 0, &count_items, NULL, on_done, outcome);
}

static void make_table(struct world *world)
{
    run_sql(world, "CREATE TABLE item (id bigint PRIMARY KEY)");
}

/* A lock that units on the table wait for. */
static void lock_table(struct world *world)
{
    run_sql(world, "BEGIN");
    run_sql(world, "LOCK TABLE item IN ACCESS EXCLUSIVE MODE");
}

static void server_dies(struct world *world)
{
    postgres_kill(&postgres);
    db_session_close(world->session);
    world->session = NULL;
}

static void server_returns(struct world *world)
{
    assert_true(postgres_start(&postgres));
    open_session(world);
}

/* What was sent ends; what waits goes to the next connection, where everything is prepared anew. */
static void test_server_restarts(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    available_turns = 0;
    available_now = false;
    open_db(world, (struct db_settings){.deadline_ms = 60000, .changed = on_changed});
    assert_false(db_available(world->db));
    submit_insert(world, 1, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), 0);
    assert_true(db_available(world->db) && available_turns == 1);

    lock_table(world);
    submit_insert(world, 2, &world->outcomes[1]);
    run_until_blocked(world, 1);
    server_dies(world);
    assert_int_equal(wait_for(world, &world->outcomes[1]), ERR_UNAVAILABLE);
    assert_false(db_available(world->db));
    assert_int_equal(available_turns, 2);
    submit_insert(world, 3, &world->outcomes[2]);
    submit_count(world, &world->outcomes[3]);

    server_returns(world);
    assert_int_equal(wait_for(world, &world->outcomes[3]), 0);
    assert_int_equal(world->outcomes[2].status, 0);
    assert_int_equal(world->outcomes[3].value, 2); /* 1 and 3 */
    assert_int_equal(available_turns, 3);
}

/* One connection that was made ends the back-off of all others. */
static void test_server_returns_for_all(void **state)
{
    struct world *world = get_world(state);

    open_db(world, (struct db_settings){.connections = 3});
    RUN_UNTIL(world, world->db->ready == 3);
    server_dies(world);
    RUN_UNTIL(world, world->db->ready == 0);
    for (size_t i = 1; i < world->db->count; i++) {
        timer_start(world->db->connections[i]->timer, 3600 * 1000, 0);
    }
    server_returns(world);
    RUN_UNTIL(world, world->db->ready == 3);
}

static bool has_problem(const struct world *world, const char *text)
{
    const char *problem = db_problem(world->db);

    return problem != NULL && problem[0] != '\0' && strstr(problem, text) != NULL;
}

static void test_deadline_without_server(void **state)
{
    struct world *world = get_world(state);

    free(world->conninfo);
    world->conninfo = xstrdup("host=/nonexistent");
    open_db(world, (struct db_settings){.deadline_ms = 100});
    db_cancel(submit_insert(world, 1, &world->outcomes[0]));
    submit_insert(world, 2, &world->outcomes[1]);
    assert_int_equal(wait_for(world, &world->outcomes[1]), ERR_UNAVAILABLE);
    assert_int_equal(world->outcomes[0].calls, 0);
    RUN_UNTIL(world, has_problem(world, ""));
    assert_false(db_available(world->db));
}

/* The caller is told in time, and what it does next still runs behind what it gave up. */
static void test_deadline_of_what_was_sent(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    lock_table(world);
    open_db(world, (struct db_settings){.deadline_ms = 2000});
    run_until_connected(world);
    submit_insert(world, 1, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_TIMEOUT);
    submit_count(world, &world->outcomes[1]);
    run_sql(world, "COMMIT");
    assert_int_equal(wait_for(world, &world->outcomes[1]), 0);
    assert_int_equal(world->outcomes[1].value, 1);
    assert_int_equal(world->outcomes[0].calls, 1);
}

/* A new unit's deadline counts though the timer waits for an older, silent one; it was not sent. */
static void test_deadlines_of_two(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    lock_table(world);
    open_db(world, (struct db_settings){.deadline_ms = 300});
    run_until_connected(world);
    submit_insert(world, 1, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_TIMEOUT);
    submit_insert(world, 2, &world->outcomes[1]);
    assert_int_equal(wait_for(world, &world->outcomes[1]), ERR_UNAVAILABLE);
    run_sql(world, "COMMIT");
}

/* Half a minute of silence is too long: another connection may find a server that answers. */
static void test_silent_server_is_left(void **state)
{
    struct world *world = get_world(state);
    pid_t silent;

    make_table(world);
    open_db(world, (struct db_settings){.deadline_ms = 200});
    silent = (pid_t)ask_until_answered(world, &backend);
    assert_int_equal(kill(silent, SIGSTOP), 0);
    submit_insert(world, 1, &world->outcomes[1]);
    assert_int_equal(wait_for(world, &world->outcomes[1]), ERR_TIMEOUT);
    RUN_UNTIL(world, !db_available(world->db));
    assert_string_equal(db_problem(world->db), "the server does not answer");
    RUN_UNTIL(world, db_available(world->db));
    assert_int_not_equal(ask_until_answered(world, &backend), silent);
    kill(silent, SIGCONT);
}

/* One backend dies (out of memory, an administrator): only its connection suffers. */
static void test_backend_terminated(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    lock_table(world);
    open_db(world, (struct db_settings){0});
    submit_insert(world, 1, &world->outcomes[0]);
    run_until_blocked(world, 1);
    submit_insert(world, 2, &world->outcomes[1]);
    ask_sql(world, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                   " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    run_sql(world, "COMMIT");
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_UNAVAILABLE);
    submit_count(world, &world->outcomes[2]);
    assert_int_equal(wait_for(world, &world->outcomes[2]), 0);
    assert_int_equal(world->outcomes[1].calls, 1);
}

static void resubmit(void *user, int status, const struct db_result *results, size_t count)
{
    struct world *world = user;

    (void)results;
    (void)count;
    assert_int_equal(status, ERR_UNAVAILABLE);
    submit_insert(world, 1, &world->outcomes[1]);
}

/* Repeating from the callback of a unit that was lost with its connection. */
static void test_repeat_after_loss(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    lock_table(world);
    open_db(world, (struct db_settings){.deadline_ms = 60000});
    db_query(world->db, 0, &insert, (const struct db_value[]){DB_INT(1)}, resubmit, world);
    run_until_blocked(world, 1);
    server_dies(world);
    server_returns(world);
    assert_int_equal(wait_for(world, &world->outcomes[1]), 0);
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM item"), 1);
}

/* The server gave up waiting for its synchronous standby: that is no commit. */
static void test_commit_without_standby(void **state)
{
    static const char cancel_waiting[] = "SELECT count(pg_cancel_backend(pid)) FROM"
                                         " pg_stat_activity WHERE wait_event = 'SyncRep'";
    struct world *world = get_world(state);

    make_table(world);
    open_db(world, (struct db_settings){.deadline_ms = 60000});
    submit_insert(world, 1, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), 0);
    run_sql(world, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    run_sql(world, "SELECT pg_reload_conf()");
    submit_insert(world, 2, &world->outcomes[1]);
    /* The server's processes learn of it one by one: write until a commit waits. */
    for (int64_t id = 2; ask_sql(world, cancel_waiting) == 0;) {
        if (world->outcomes[1].calls > 0) {
            assert_int_equal(wait_for(world, &world->outcomes[1]), 0);
            world->outcomes[1] = (struct outcome){0};
            submit_insert(world, ++id, &world->outcomes[1]);
        }
        uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
    }
    assert_int_equal(wait_for(world, &world->outcomes[1]), ERR_UNAVAILABLE);
    run_sql(world, "SET synchronous_commit = local");
    run_sql(world, "ALTER SYSTEM RESET synchronous_standby_names");
    run_sql(world, "SELECT pg_reload_conf()");
}

static const struct {
    const char *conninfo;
    int status;
} conninfos[] = {
    {"", 0},
    {"dbname=kontalk", 0},
    {"host=/run/postgresql dbname=kontalk", 0},
    {"host=127.0.0.1", 0},
    {"host=::1", 0},
    {"host=localhost", 0},
    {"postgresql://192.0.2.1/kontalk", 0},
    {"host=db.example.net hostaddr=192.0.2.1", 0},
    {"host=192.0.2.1,192.0.2.2", 0},
    {"host=db.example.net", ERR_INVALID},
    {"host=192.0.2.1,db.example.net", ERR_INVALID},
    {"postgresql://db.example.net/kontalk", ERR_INVALID},
    {"host", ERR_INVALID},
    {"nonsense=1", ERR_INVALID},
};

static void test_conninfo(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(conninfos); i++) {
        char *problem = NULL;

        assert_int_equal(db_check_conninfo(conninfos[i].conninfo, &problem), conninfos[i].status);
        assert_int_equal(problem != NULL, conninfos[i].status < 0);
        free(problem);
    }
}

static void test_unusable_conninfo(void **state)
{
    struct world *world = get_world(state);

    free(world->conninfo);
    world->conninfo = xstrdup("password=hunter2 host=db.example.net");
    open_db(world, (struct db_settings){.deadline_ms = 50});
    submit_count(world, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_UNAVAILABLE);
    RUN_UNTIL(world, has_problem(world, "db.example.net"));
    assert_null(strstr(db_problem(world->db), "hunter2"));
}

static void test_other_encoding(void **state)
{
    struct world *world = get_world(state);

    run_sql(world, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    free(world->conninfo);
    world->conninfo = xasprintf("host=%s user=test dbname=latin", postgres.directory);
    open_db(world, (struct db_settings){.deadline_ms = 300});
    submit_count(world, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_UNAVAILABLE);
    RUN_UNTIL(world, has_problem(world, "UTF8"));
}

/* We were stopped, not the server: what it had answered long ago is no sign that it does not
 * answer (P6). The last test: the clock is not let go again. */
static void test_our_own_standstill(void **state)
{
    struct world *world = get_world(state);
    uint64_t now = clock_monotonic_ms();

    make_table(world);
    lock_table(world);
    open_db(world, (struct db_settings){.deadline_ms = 8000});
    run_until_connected(world);
    submit_insert(world, 1, &world->outcomes[0]);
    run_until_blocked(world, 1);
    clock_fake(now += 60000, 0);
    assert_true(db_waiting_ms(world->db, 0) < 30000);
    assert_int_equal(world->outcomes[0].calls, 0);
    run_sql(world, "COMMIT");
    assert_int_equal(wait_for(world, &world->outcomes[0]), 0);

    lock_table(world);
    submit_insert(world, 2, &world->outcomes[1]);
    for (int i = 0; i < 100; i++) {
        clock_fake(now += CLOCK_AWAKE_TICK_MS, 0);
        assert_int_equal(db_waiting_ms(world->db, 0), (i + 1) * CLOCK_AWAKE_TICK_MS);
    }
    RUN_UNTIL(world, world->outcomes[1].calls == 1);
    assert_true(world->outcomes[1].status < 0);
    run_sql(world, "COMMIT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DB_TEST(test_server_restarts),         DB_TEST(test_server_returns_for_all),
        DB_TEST(test_deadline_without_server), DB_TEST(test_deadline_of_what_was_sent),
        DB_TEST(test_deadlines_of_two),        DB_TEST(test_silent_server_is_left),
        DB_TEST(test_backend_terminated),      DB_TEST(test_repeat_after_loss),
        DB_TEST(test_commit_without_standby),  cmocka_unit_test(test_conninfo),
        DB_TEST(test_unusable_conninfo),       DB_TEST(test_other_encoding),
        DB_TEST(test_our_own_standstill),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
