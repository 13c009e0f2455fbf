/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Units that are committed together: whoever fails harms nobody else, order stays, and what may be
 * repeated is repeated until its outcome is known.
 */
#include "common/db/db.h"

#include "tests/unit/database.h"

static const struct db_statement insert = {
    "group_insert", "INSERT INTO item (id, text) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2};
static const struct db_statement number = {"group_number", "SELECT ($1::text)::bigint", 1};
static const struct db_statement divide = {"group_divide", "SELECT 1 / $1::bigint", 1};
static const struct db_statement count_items = {"group_count", "SELECT count(*) FROM item", 0};
static const struct db_statement lock_row = {"group_lock",
                                             "SELECT 1 FROM item WHERE id = 0 FOR SHARE", 0};
static const struct db_statement full_disk = {"group_full_disk", "SELECT full_disk($1::bigint)", 1};
static const struct db_statement fence = {"group_fence", "SELECT 1 / (SELECT count(*) FROM fence)",
                                          0};
static const struct db_statement note = {
    "group_note", "INSERT INTO note VALUES ($1) RETURNING 1 / $1::bigint", 1};

static const char terminate_others[] =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()";

static struct world *open_world(void **state, unsigned deadline_ms)
{
    struct world *world = get_world(state);

    run_sql(world, "CREATE TABLE item (id bigint PRIMARY KEY, text text)");
    open_db(world, (struct db_settings){.deadline_ms = deadline_ms});
    ask_until_answered(world, &count_items);
    outcome_turn = 0;
    return world;
}

/* The next unit stands until unlock(), so that what is submitted meanwhile is one group. */
static void lock(struct world *world)
{
    run_sql(world, "BEGIN");
    run_sql(world, "LOCK TABLE item IN SHARE MODE");
}

static void unlock(struct world *world)
{
    run_sql(world, "COMMIT");
}

static struct db_unit *make_insert(struct world *world, int64_t id, const char *text)
{
    struct db_unit *unit = db_unit_new(world->db, 0);

    db_unit_add_values(unit, &insert, DB_INT(id), DB_TEXT(text));
    return unit;
}

static void submit_insert(struct world *world, int id)
{
    db_submit(make_insert(world, id, "x"), on_done, &world->outcomes[id]);
}

static void submit_repeated(struct world *world, int id)
{
    struct db_unit *unit = make_insert(world, id, "x");

    db_unit_repeat(unit);
    db_submit(unit, on_done, &world->outcomes[id]);
}

static void submit_poison(struct world *world, int id)
{
    struct db_unit *unit = make_insert(world, id, "never stored");

    db_unit_add_values(unit, &number, DB_TEXT("poison"));
    db_submit(unit, on_done, &world->outcomes[id]);
}

static void submit_fenced(struct world *world, int id)
{
    struct db_unit *unit = db_unit_new(world->db, 0);

    db_unit_add_values(unit, &divide, DB_INT(0));
    db_unit_add_values(unit, &insert, DB_INT(id), DB_TEXT("never stored"));
    db_submit(unit, on_done, &world->outcomes[id]);
}

static uint64_t groups(const struct world *world)
{
    return db_counters(world->db)->groups;
}

static void begin_group(struct world *world)
{
    lock(world);
    submit_insert(world, 0);
    run_until_blocked(world, 1);
}

static void test_one_commit(void **state)
{
    struct world *world = open_world(state, 60000);
    uint64_t before = groups(world);

    begin_group(world);
    for (int i = 1; i <= 100; i++) {
        submit_insert(world, i);
    }
    unlock(world);
    assert_int_equal(wait_for(world, &world->outcomes[100]), 0);
    for (int i = 0; i <= 100; i++) {
        assert_int_equal(world->outcomes[i].status, 0);
        assert_int_equal(world->outcomes[i].turn, i + 1);
    }
    assert_int_equal(groups(world) - before, 3); /* 1, 64, 36 */
    assert_int_equal(ask_sql(world, "SELECT count(DISTINCT xmin::text) FROM item"), 3);
}

/* Attack D4. */
static void test_poison(void **state)
{
    static const int positions[] = {1, 32, 64};

    for (size_t p = 0; p < ARRAY_SIZE(positions); p++) {
        struct world *world = p == 0 ? open_world(state, 60000) : *state;

        run_sql(world, "TRUNCATE item");
        forget_outcomes(world);
        outcome_turn = 0;
        begin_group(world);
        for (int i = 1; i <= 64; i++) {
            (i == positions[p] ? submit_poison : submit_insert)(world, i);
        }
        unlock(world);
        assert_int_equal(wait_for(world, &world->outcomes[64]),
                         positions[p] == 64 ? ERR_INVALID : 0);
        for (int i = 0; i <= 64; i++) {
            assert_int_equal(world->outcomes[i].calls, 1);
            assert_int_equal(world->outcomes[i].status, i == positions[p] ? ERR_INVALID : 0);
            assert_int_equal(world->outcomes[i].turn, i + 1); /* in order, its answer too */
        }
        assert_int_equal(ask_sql(world, "SELECT count(*) FROM item"), 64);
    }
}

static void test_many_poisons(void **state)
{
    struct world *world = open_world(state, 60000);

    begin_group(world);
    for (int i = 1; i <= 64; i++) {
        (i % 3 == 0 ? submit_poison : i % 7 == 0 ? submit_fenced : submit_insert)(world, i);
    }
    unlock(world);
    wait_for(world, &world->outcomes[64]);
    for (int i = 1; i <= 64; i++) {
        assert_int_equal(world->outcomes[i].status, i % 3 == 0   ? ERR_INVALID
                                                    : i % 7 == 0 ? ERR_FENCED
                                                                 : 0);
        assert_int_equal(world->outcomes[i].turn, i + 1);
    }
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM item WHERE text <> 'x'"), 0);
}

/* In mid-group: what may be repeated is, in its order and before what comes later; the rest is
 * told. Nothing is there twice, as every unit changes nothing the second time. */
static void test_connection_lost(void **state)
{
    struct world *world = open_world(state, 60000);

    lock(world);
    submit_repeated(world, 0);
    run_until_blocked(world, 1);
    submit_repeated(world, 1);
    submit_insert(world, 2);
    ask_sql(world, terminate_others);
    unlock(world);
    submit_repeated(world, 3);
    assert_int_equal(wait_for(world, &world->outcomes[3]), 0);
    for (int i = 0; i <= 3; i++) {
        assert_int_equal(world->outcomes[i].calls, 1);
        assert_int_equal(world->outcomes[i].status, 0);
        assert_int_equal(world->outcomes[i].turn, i + 1);
    }

    lock(world);
    for (int i = 4; i < 8; i++) { /* one group: 5 and 7 are not repeated */
        (i % 2 == 0 ? submit_repeated : submit_insert)(world, i);
    }
    run_until_blocked(world, 1);
    ask_sql(world, terminate_others);
    unlock(world);
    assert_int_equal(wait_for(world, &world->outcomes[6]), 0);
    assert_int_equal(world->outcomes[4].status, 0);
    assert_int_equal(world->outcomes[5].status, ERR_UNAVAILABLE);
    assert_int_equal(world->outcomes[7].status, ERR_UNAVAILABLE);
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM item WHERE id IN (5, 7)"), 0);
}

struct fenced {
    struct db_unit *unit;
    bool doubtful;
    struct outcome *outcome;
};

static void on_fenced(void *user, int status, const struct db_result *results, size_t count)
{
    struct fenced *fenced = user;

    fenced->doubtful = db_unit_doubtful(fenced->unit);
    on_done(fenced->outcome, status, results, count);
}

static void submit_behind_fence(struct world *world, int id, struct fenced *fenced)
{
    struct db_unit *unit = make_insert(world, id, "x");

    db_unit_add(unit, &fence, NULL);
    db_unit_repeat(unit);
    fenced->outcome = &world->outcomes[id];
    fenced->unit = db_submit(unit, on_fenced, fenced);
}

/* The fence falls while the outcome of what was sent is unknown; what was not sent is in no doubt.
 */
static void test_fenced_in_doubt(void **state)
{
    struct world *world = open_world(state, 60000);
    struct fenced sent = {0}, waiting = {0};

    run_sql(world, "CREATE TABLE fence AS SELECT 1");
    lock(world);
    submit_behind_fence(world, 1, &sent);
    run_until_blocked(world, 1);
    submit_behind_fence(world, 2, &waiting);
    run_sql(world, "TRUNCATE fence");
    ask_sql(world, terminate_others);
    unlock(world);
    assert_int_equal(wait_for(world, &world->outcomes[1]), ERR_FENCED);
    assert_int_equal(wait_for(world, &world->outcomes[2]), ERR_FENCED);
    assert_true(sent.doubtful);
    assert_false(waiting.doubtful);
}

/* No deadline, however long it takes. */
static void test_repeated_until_known(void **state)
{
    struct world *world = open_world(state, 100);

    postgres_kill(&postgres);
    db_session_close(world->session);
    world->session = NULL;
    submit_repeated(world, 1);
    submit_insert(world, 2);
    assert_int_equal(wait_for(world, &world->outcomes[2]), ERR_UNAVAILABLE);
    submit_insert(world, 3);
    assert_int_equal(wait_for(world, &world->outcomes[3]), ERR_UNAVAILABLE);
    assert_int_equal(world->outcomes[1].calls, 0);
    assert_true(db_waiting_ms(world->db, 0) >= 100);
    assert_true(postgres_start(&postgres));
    open_session(world);
    assert_int_equal(wait_for(world, &world->outcomes[1]), 0);
    assert_int_equal(db_waiting_ms(world->db, 0), 0);
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM item"), 1);
}

/* Nobody's fault, again and again: what stands behind it is not answered before. */
static void test_order_behind_a_full_disk(void **state)
{
    struct world *world = open_world(state, 60000);

    run_sql(world, "CREATE SEQUENCE tries");
    run_sql(world, "CREATE FUNCTION full_disk(id bigint) RETURNS void LANGUAGE plpgsql AS $$BEGIN"
                   " IF id = 2 AND nextval('tries') <= 3 THEN"
                   " RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END IF; END$$");
    begin_group(world);
    for (int i = 1; i <= 8; i++) {
        struct db_unit *unit = make_insert(world, i, "x");

        db_unit_add_values(unit, &full_disk, DB_INT(i));
        db_unit_repeat(unit);
        db_submit(unit, on_done, &world->outcomes[i]);
    }
    unlock(world);
    for (int i = 0; i <= 8; i++) {
        assert_int_equal(wait_for(world, &world->outcomes[i]), 0);
    }
    for (int i = 0; i <= 8; i++) {
        assert_int_equal(world->outcomes[i].turn, i + 1);
    }
    assert_int_equal(ask_sql(world, "SELECT last_value FROM tries"), 4);
}

/* A commit that the standby did not confirm is none: it is asked for again. */
static void test_unconfirmed(void **state)
{
    static const char cancel_waiting[] = "SELECT count(pg_cancel_backend(pid)) FROM"
                                         " pg_stat_activity WHERE wait_event = 'SyncRep'";
    struct world *world = open_world(state, 60000);
    struct db_unit *unit;

    run_sql(world, "INSERT INTO item VALUES (0, 'locked')");
    run_sql(world, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    db_session_close(world->session); /* a reload would be seen by its backends some time later */
    postgres_kill(&postgres);
    assert_true(postgres_start(&postgres));
    open_session(world);
    /* As every unit of ours does by its fence, it locks a row: a transaction that changes nothing
     * would wait for no standby. */
    unit = make_insert(world, 1, "x");
    db_unit_add(unit, &lock_row, NULL);
    db_unit_repeat(unit);
    db_submit(unit, on_done, &world->outcomes[1]);
    for (int cancelled = 0; cancelled < 3;) {
        cancelled += (int)ask_sql(world, cancel_waiting);
        uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
        assert_int_equal(world->outcomes[1].calls, 0);
    }
    run_sql(world, "SET synchronous_commit = local");
    run_sql(world, "ALTER SYSTEM RESET synchronous_standby_names");
    run_sql(world, "SELECT pg_reload_conf()");
    while (world->outcomes[1].calls == 0) {
        ask_sql(world, cancel_waiting);
        uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
    }
    assert_int_equal(world->outcomes[1].status, 0);
}

/* A check that several units of a group share runs once in it. */
static void test_once(void **state)
{
    struct world *world = open_world(state, 60000);

    run_sql(world, "CREATE TABLE note (id bigint)");
    begin_group(world);
    for (int i = 1; i <= 20; i++) {
        struct db_unit *unit = make_insert(world, i, "x");

        /* 0 fails, and has to fail for each of those that ask for it */
        db_unit_add_once(unit, &note, (const struct db_value[]){DB_INT(i % 4)});
        db_submit(unit, on_done, &world->outcomes[i]);
    }
    unlock(world);
    wait_for(world, &world->outcomes[20]);
    for (int i = 1; i <= 20; i++) {
        assert_int_equal(world->outcomes[i].status, i % 4 == 0 ? ERR_FENCED : 0);
        assert_int_equal(world->outcomes[i].turn, i + 1);
    }
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM item"), 16);
    assert_true(ask_sql(world, "SELECT count(*) FROM note") >= 3);

    forget_outcomes(world);
    run_sql(world, "TRUNCATE note");
    begin_group(world);
    for (int i = 1; i <= 20; i++) {
        struct db_unit *unit = db_unit_new(world->db, 0);

        db_unit_add_once(unit, &note, (const struct db_value[]){DB_INT(1 + i % 4)});
        db_unit_add_values(unit, &insert, DB_INT(100 + i), DB_TEXT("x"));
        db_submit(unit, on_done, &world->outcomes[i]);
    }
    unlock(world);
    assert_int_equal(wait_for(world, &world->outcomes[20]), 0);
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM note"), 4);
}

/* Reading what is committed waits for no group. */
static void test_reader(void **state)
{
    struct world *world = get_world(state);

    run_sql(world, "CREATE TABLE item (id bigint PRIMARY KEY, text text)");
    open_db(world, (struct db_settings){.connections = 3, .writers = 1, .deadline_ms = 60000});
    lock(world);
    submit_insert(world, 1);
    run_until_blocked(world, 1);
    for (int i = 2; i < 20; i++) {
        db_read(world->db, &count_items, NULL, on_done, &world->outcomes[i]);
        assert_int_equal(world->outcomes[i].calls, 0);
    }
    for (int i = 2; i < 20; i++) {
        assert_int_equal(wait_for(world, &world->outcomes[i]), 0);
        assert_int_equal(world->outcomes[i].value, 0);
    }
    assert_int_equal(world->outcomes[1].calls, 0);
    unlock(world);
    assert_int_equal(wait_for(world, &world->outcomes[1]), 0);
}

static void count_drained(void *user)
{
    unsigned *drained = user;

    (*drained)++;
}

/* Attack D5: who asks for more than the server does hears of it before anything is refused, and
 * once more when it is over. */
static void test_congested(void **state)
{
    struct world *world = get_world(state);
    unsigned drained = 0;

    run_sql(world, "CREATE TABLE item (id bigint PRIMARY KEY, text text)");
    open_db(world,
            (struct db_settings){
                .queue = 400, .deadline_ms = 60000, .drained = count_drained, .user = &drained});
    begin_group(world);
    for (int i = 1; i < 100; i++) {
        submit_insert(world, i);
    }
    assert_false(db_is_congested(world->db));
    submit_insert(world, 100);
    assert_true(db_is_congested(world->db));
    unlock(world);
    assert_int_equal(wait_for(world, &world->outcomes[100]), 0);
    submit_insert(world, 101);
    assert_int_equal(wait_for(world, &world->outcomes[101]), 0);
    assert_false(db_is_congested(world->db));
    assert_int_equal(drained, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DB_TEST(test_one_commit),
        DB_TEST(test_poison),
        DB_TEST(test_many_poisons),
        DB_TEST(test_connection_lost),
        DB_TEST(test_fenced_in_doubt),
        DB_TEST(test_repeated_until_known),
        DB_TEST(test_order_behind_a_full_disk),
        DB_TEST(test_unconfirmed),
        DB_TEST(test_congested),
        DB_TEST(test_once),
        DB_TEST(test_reader),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
