/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Units against a real server: order, isolation, values, limits, cancelling, preparing.
 */
#include "common/db/db.h"

#include "tests/unit/database.h"

static const struct db_statement insert = {"test_insert",
                                           "INSERT INTO item (id, text) VALUES ($1, $2)", 2};
static const struct db_statement count_items = {"test_count", "SELECT count(*) FROM item", 0};
static const struct db_statement divide = {"test_divide", "SELECT 1 / $1::bigint", 1};
static const struct db_statement echo = {"test_echo",
                                         "SELECT $1::text, $2::bigint, $3::boolean, $4::bytea", 4};

static void make_table(struct world *world)
{
    run_sql(world, "CREATE TABLE item (id bigint PRIMARY KEY, text text)");
}

static struct db_unit *submit_insert(struct world *world, int64_t id, const char *text,
                                     struct outcome *outcome)
{
    return db_query(world->db, 0, &insert, (const struct db_value[]){DB_INT(id), DB_TEXT(text)},
                    on_done, outcome);
}

static struct db_unit *submit_count(struct world *world, struct outcome *outcome)
{
    return db_query(world->db, 0, &count_items, NULL, on_done, outcome);
}

static void test_order(void **state)
{
    struct world *world = get_world(state);
    const int units = 200;

    make_table(world);
    open_db(world, (struct db_settings){0});
    for (int i = 0; i < units; i += 2) {
        submit_insert(world, i, "x", &world->outcomes[i]);
        submit_count(world, &world->outcomes[i + 1]);
    }
    for (int i = 0; i < units; i++) {
        assert_int_equal(world->outcomes[i].calls, 0); /* never inside the call */
    }
    assert_int_equal(wait_for(world, &world->outcomes[units - 1]), 0);
    for (int i = 0; i < units; i++) {
        assert_int_equal(world->outcomes[i].calls, 1);
        assert_int_equal(world->outcomes[i].status, 0);
        assert_int_equal(world->outcomes[i].turn, i + 1);
        assert_int_equal(world->outcomes[i].value, i % 2 == 0 ? 0 : i / 2 + 1);
    }
}

/* What runs on another connection is not held up. */
static void test_affinity(void **state)
{
    struct world *world = get_world(state);
    static const struct db_statement backend = {"test_backend", "SELECT pg_backend_pid()", 0};

    open_db(world, (struct db_settings){.connections = 2});
    for (unsigned i = 0; i < 4; i++) {
        db_query(world->db, i, &backend, NULL, on_done, &world->outcomes[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(wait_for(world, &world->outcomes[i]), 0);
    }
    assert_int_equal(world->outcomes[0].value, world->outcomes[2].value);
    assert_int_equal(world->outcomes[1].value, world->outcomes[3].value);
    assert_int_not_equal(world->outcomes[0].value, world->outcomes[1].value);
}

static void test_failure_is_isolated(void **state)
{
    struct world *world = get_world(state);
    struct db_unit *unit;

    make_table(world);
    open_db(world, (struct db_settings){0});
    submit_insert(world, 1, "a", &world->outcomes[0]);
    submit_insert(world, 1, "b", &world->outcomes[1]);
    unit = db_unit_new(world->db, 0);
    db_unit_add_values(unit, &insert, DB_INT(2), DB_TEXT("undone"));
    db_unit_add_values(unit, &divide, DB_INT(0));
    db_unit_add_values(unit, &insert, DB_INT(3), DB_TEXT("never"));
    db_submit(unit, on_done, &world->outcomes[2]);
    submit_insert(world, 4, "c", &world->outcomes[3]);
    submit_count(world, &world->outcomes[4]);

    assert_int_equal(wait_for(world, &world->outcomes[4]), 0);
    assert_int_equal(world->outcomes[0].status, 0);
    assert_int_equal(world->outcomes[1].status, ERR_CONFLICT);
    assert_int_equal(world->outcomes[2].status, ERR_FENCED);
    assert_int_equal(world->outcomes[3].status, 0);
    assert_int_equal(world->outcomes[4].value, 2);
    assert_int_equal(ask_sql(world, "SELECT count(*) FROM item WHERE id IN (2, 3)"), 0);
}

/* An error that only the commit finds undoes the unit, and reaches the callback. */
static void test_commit_fails(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    run_sql(world, "ALTER TABLE item ADD UNIQUE (text) DEFERRABLE INITIALLY DEFERRED");
    open_db(world, (struct db_settings){0});
    submit_insert(world, 1, "same", &world->outcomes[0]);
    submit_insert(world, 2, "same", &world->outcomes[1]);
    submit_count(world, &world->outcomes[2]);
    assert_int_equal(wait_for(world, &world->outcomes[2]), 0);
    assert_int_equal(world->outcomes[0].status, 0);
    assert_int_equal(world->outcomes[1].status, ERR_CONFLICT);
    assert_int_equal(world->outcomes[2].value, 1);
}

static void test_empty_unit(void **state)
{
    struct world *world = get_world(state);

    open_db(world, (struct db_settings){0});
    db_submit(db_unit_new(world->db, 0), on_done, &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), 0);
}

static const struct {
    const char *text;
    int64_t number;
    bool boolean;
    const char *bytes;
    size_t length;
} echoes[] = {
    {NULL, 0, false, "", 0},
    {"", INT64_MIN, true, "\0\1\2\\x'\"\xff", 8},
    {"it's \"quoted\" \\ $1; DROP TABLE item; --", INT64_MAX, false, "\\x00", 4},
    {"\xf0\x9f\x90\xbb \xc3\xa9", -1, true, NULL, 0},
};

static size_t echo_row;

static void on_echo(void *user, int status, const struct db_result *results, size_t count)
{
    struct outcome *outcome = user;
    struct buffer bytes = {0};

    outcome->calls++;
    assert_int_equal(status, 0);
    assert_int_equal(count, 1);
    assert_int_equal(db_rows(&results[0]), 1);
    assert_int_equal(db_is_null(&results[0], 0, 0), echoes[echo_row].text == NULL);
    assert_string_equal(db_get_text(&results[0], 0, 0),
                        echoes[echo_row].text != NULL ? echoes[echo_row].text : "");
    assert_int_equal(db_get_int(&results[0], 0, 1), echoes[echo_row].number);
    assert_int_equal(db_get_bool(&results[0], 0, 2), echoes[echo_row].boolean);
    assert_int_equal(db_is_null(&results[0], 0, 3), echoes[echo_row].bytes == NULL);
    db_get_bytes(&results[0], 0, 3, &bytes);
    assert_int_equal(bytes.length, echoes[echo_row].length);
    assert_memory_equal(bytes.data != NULL ? bytes.data : "",
                        echoes[echo_row].bytes != NULL ? echoes[echo_row].bytes : "", bytes.length);
    buffer_fini(&bytes);
}

static void test_values(void **state)
{
    struct world *world = get_world(state);

    open_db(world, (struct db_settings){0});
    for (echo_row = 0; echo_row < ARRAY_SIZE(echoes); echo_row++) {
        const struct db_value bytes = DB_BYTES(echoes[echo_row].bytes, echoes[echo_row].length);
        const struct db_value values[] = {
            DB_TEXT(echoes[echo_row].text), DB_INT(echoes[echo_row].number),
            DB_BOOL(echoes[echo_row].boolean), echoes[echo_row].bytes != NULL ? bytes : DB_NULL};

        db_query(world->db, 0, &echo, values, on_echo, &world->outcomes[echo_row]);
        wait_for(world, &world->outcomes[echo_row]);
    }
}

/* Attack D4: one bad value among good ones costs only its own unit. */
static const struct {
    const char *bytes;
    size_t length;
} poisons[] = {
    {"a\0b", 3},              /* NUL */
    {"\0", 1},                /* nothing but NUL */
    {"\xff", 1},              /* no UTF-8 */
    {"\xc0\x80", 2},          /* NUL in disguise */
    {"\xed\xa0\x80", 3},      /* a surrogate */
    {"\xf4\x90\x80\x80", 4},  /* beyond U+10FFFF */
    {"\xe2\x82", 2},          /* cut off */
    {NULL, DB_VALUE_MAX + 1}, /* too long */
};

static void test_poison(void **state)
{
    struct world *world = get_world(state);
    char *giant = xcalloc(1, DB_VALUE_MAX + 2);

    memset(giant, 'x', DB_VALUE_MAX + 1);
    make_table(world);
    open_db(world, (struct db_settings){0});
    for (size_t i = 0; i < ARRAY_SIZE(poisons); i++) {
        const struct db_value values[] = {
            DB_INT(100 + i),
            {.type = DB_VALUE_TEXT,
             .bytes = poisons[i].bytes != NULL ? poisons[i].bytes : giant,
             .length = poisons[i].length}};

        submit_insert(world, (int64_t)i, "good", &world->outcomes[2 * i]);
        db_query(world->db, 0, &insert, values, on_done, &world->outcomes[2 * i + 1]);
        assert_int_equal(world->outcomes[2 * i + 1].calls, 0);
    }
    submit_count(world, &world->outcomes[100]);
    assert_int_equal(wait_for(world, &world->outcomes[100]), 0);
    assert_int_equal(world->outcomes[100].value, ARRAY_SIZE(poisons));
    for (size_t i = 0; i < ARRAY_SIZE(poisons); i++) {
        assert_int_equal(wait_for(world, &world->outcomes[2 * i]), 0);
        assert_int_equal(wait_for(world, &world->outcomes[2 * i + 1]), ERR_INVALID);
    }
    free(giant);
}

/* An index entry holds 2704 bytes. */
static void test_key_too_long(void **state)
{
    struct world *world = get_world(state);
    struct buffer key = {0};

    for (unsigned i = 0; i < 3071; i++) { /* not compressible to less */
        buffer_append_char(&key, (char)('!' + (i * i * 7 + i / 13 * 31) % 90));
    }
    run_sql(world, "CREATE TABLE item (id bigint, text text PRIMARY KEY)");
    run_sql(world, "ALTER TABLE item ALTER text SET STORAGE EXTERNAL");
    open_db(world, (struct db_settings){0});
    submit_insert(world, 1, key.data, &world->outcomes[0]);
    submit_insert(world, 2, "short", &world->outcomes[1]);
    assert_int_equal(wait_for(world, &world->outcomes[1]), 0);
    assert_int_equal(world->outcomes[0].status, ERR_INVALID);
    buffer_fini(&key);
}

/* More than any socket takes at once. */
static void test_large_values(void **state)
{
    struct world *world = get_world(state);
    const size_t size = 1024 * 1024;
    char *text = xcalloc(1, size + 1);

    memset(text, 'x', size);
    make_table(world);
    open_db(world, (struct db_settings){0});
    for (int i = 0; i < 20; i++) {
        submit_insert(world, i, text, &world->outcomes[i]);
    }
    assert_int_equal(wait_for(world, &world->outcomes[19]), 0);
    assert_int_equal(ask_sql(world, "SELECT sum(length(text)) FROM item"), (int64_t)(20 * size));
    free(text);
}

/* The log may see what went wrong, not with what. */
static void test_problem_has_no_values(void **state)
{
    struct world *world = get_world(state);
    static const struct db_statement number = {"test_number", "SELECT ($1::text)::bigint", 1};

    open_db(world, (struct db_settings){0});
    db_query(world->db, 0, &number, (const struct db_value[]){DB_TEXT("hunter2")}, on_done,
             &world->outcomes[0]);
    assert_int_equal(wait_for(world, &world->outcomes[0]), ERR_INVALID);
    assert_non_null(strstr(db_problem(world->db), "22P02"));
    assert_non_null(strstr(db_problem(world->db), "test_number"));
    assert_null(strstr(db_problem(world->db), "hunter2"));
}

static void test_queue_is_bounded(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    open_db(world, (struct db_settings){.queue = 3});
    for (int i = 0; i < 5; i++) {
        submit_insert(world, i, "x", &world->outcomes[i]);
        assert_int_equal(world->outcomes[i].calls, 0);
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(wait_for(world, &world->outcomes[i]), i < 3 ? 0 : ERR_LIMIT);
    }
    submit_insert(world, 9, "x", &world->outcomes[9]);
    assert_int_equal(wait_for(world, &world->outcomes[9]), 0);
}

static void test_cancel(void **state)
{
    struct world *world = get_world(state);
    struct db_unit *waiting, *refused;

    make_table(world);
    open_db(world, (struct db_settings){.queue = 2});
    db_cancel(NULL);
    db_cancel(db_unit_new(world->db, 0));
    waiting = submit_insert(world, 1, "cancelled", &world->outcomes[0]);
    submit_insert(world, 2, "x", &world->outcomes[1]);
    refused = submit_insert(world, 3, "cancelled", &world->outcomes[2]);
    db_cancel(waiting);
    db_cancel(refused);
    submit_count(world, &world->outcomes[3]);
    assert_int_equal(wait_for(world, &world->outcomes[3]), 0);
    assert_int_equal(world->outcomes[3].value, 1);
    assert_int_equal(world->outcomes[0].calls, 0);
    assert_int_equal(world->outcomes[2].calls, 0);
}

/* What was sent takes effect; only the answer is dropped. */
static void test_cancel_what_was_sent(void **state)
{
    struct world *world = get_world(state);
    struct db_unit *sent;

    make_table(world);
    run_sql(world, "BEGIN");
    run_sql(world, "LOCK TABLE item IN SHARE MODE");
    open_db(world, (struct db_settings){0});
    sent = submit_insert(world, 1, "x", &world->outcomes[0]);
    run_until_blocked(world, 1);
    db_cancel(sent);
    run_sql(world, "COMMIT");
    submit_count(world, &world->outcomes[1]);
    assert_int_equal(wait_for(world, &world->outcomes[1]), 0);
    assert_int_equal(world->outcomes[1].value, 1);
    assert_int_equal(world->outcomes[0].calls, 0);
}

struct canceller {
    struct db_unit *victim;
    int calls;
};

static void cancel_other(void *user, int status, const struct db_result *results, size_t count)
{
    struct canceller *canceller = user;

    (void)results;
    (void)count;
    assert_int_equal(status, ERR_LIMIT);
    canceller->calls++;
    db_cancel(canceller->victim);
}

static void test_cancel_from_a_callback(void **state)
{
    struct world *world = get_world(state);
    struct canceller canceller = {0};

    open_db(world, (struct db_settings){.queue = 1});
    db_query(world->db, 0, &count_items, NULL, NULL, NULL);
    db_query(world->db, 0, &count_items, NULL, cancel_other, &canceller);
    canceller.victim = submit_count(world, &world->outcomes[0]);
    submit_count(world, &world->outcomes[1]);
    assert_int_equal(wait_for(world, &world->outcomes[1]), ERR_LIMIT);
    assert_int_equal(canceller.calls, 1);
    assert_int_equal(world->outcomes[0].calls, 0);
}

/* A Prepare that fails is tried again; one is never lost to an error before it. */
static void test_prepare(void **state)
{
    struct world *world = get_world(state);
    struct db_unit *unit;

    open_db(world, (struct db_settings){0});
    submit_count(world, &world->outcomes[0]);
    submit_count(world, &world->outcomes[1]);
    assert_int_equal(wait_for(world, &world->outcomes[1]), ERR_NOT_FOUND);
    assert_int_equal(world->outcomes[0].status, ERR_NOT_FOUND);
    assert_non_null(strstr(db_problem(world->db), "42P01"));
    make_table(world);
    unit = db_unit_new(world->db, 0);
    db_unit_add_values(unit, &divide, DB_INT(0));
    db_unit_add(unit, &count_items, NULL);
    db_submit(unit, on_done, &world->outcomes[2]);
    submit_count(world, &world->outcomes[3]);
    assert_int_equal(wait_for(world, &world->outcomes[3]), 0);
    assert_int_equal(world->outcomes[2].status, ERR_FENCED);
}

static void test_close_ends_units(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    run_sql(world, "BEGIN");
    run_sql(world, "LOCK TABLE item IN SHARE MODE");
    open_db(world, (struct db_settings){0});
    submit_insert(world, 1, "sent", &world->outcomes[0]);
    run_until_blocked(world, 1);
    submit_insert(world, 2, "waiting", &world->outcomes[1]);
    db_close(world->db, on_closed, &world->closed);
    submit_insert(world, 3, "late", &world->outcomes[2]);
    assert_int_equal(world->closed, 0);
    RUN_UNTIL(world, world->closed > 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(world->outcomes[i].calls, 1);
        assert_int_equal(world->outcomes[i].status, ERR_CANCELLED);
    }
    run_sql(world, "COMMIT");
}

static void close_in_callback(void *user, int status, const struct db_result *results, size_t count)
{
    struct world *world = user;

    (void)results;
    (void)count;
    assert_int_equal(status, 0);
    db_close(world->db, on_closed, &world->closed);
}

static void test_close_from_a_callback(void **state)
{
    struct world *world = get_world(state);

    make_table(world);
    open_db(world, (struct db_settings){0});
    db_query(world->db, 0, &count_items, NULL, close_in_callback, world);
    submit_count(world, &world->outcomes[0]);
    RUN_UNTIL(world, world->closed > 0);
    assert_int_equal(world->outcomes[0].calls, 1);
}

static void test_affected_rows(void **state)
{
    struct world *world = get_world(state);
    static const struct db_statement update = {"test_update",
                                               "UPDATE item SET text = $1 WHERE id > $2", 2};
    const char *problem;
    struct db_result *result;

    make_table(world);
    run_sql(world, "INSERT INTO item SELECT generate_series(1, 5)");
    assert_int_equal(db_session_run(world->session, &update,
                                    (const struct db_value[]){DB_TEXT("x"), DB_INT(2)}, &result,
                                    &problem),
                     0);
    assert_int_equal(db_affected(result), 3);
    assert_int_equal(db_rows(result), 0);
    db_result_free(result);
}

static void test_session_errors(void **state)
{
    struct world *world = get_world(state);
    const char *problem = NULL;
    struct db_result *result;
    struct db_session *session;

    assert_int_equal(db_session_execute(world->session, "SELECT nonsense", &problem), ERR_SYSTEM);
    assert_non_null(strstr(problem, "42703"));
    assert_int_equal(db_session_run(world->session, &count_items, NULL, &result, &problem),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(problem, "test_count"));
    assert_int_equal(
        db_session_run(
            world->session, &echo,
            (const struct db_value[]){
                {.type = DB_VALUE_TEXT, .bytes = "\0", .length = 1}, DB_NULL, DB_NULL, DB_NULL},
            &result, &problem),
        ERR_INVALID);
    assert_int_equal(db_session_open("host=/nonexistent", &session, &problem), ERR_UNAVAILABLE);
    assert_true(strlen(problem) > 0);
    db_session_close(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DB_TEST(test_order),
        DB_TEST(test_affinity),
        DB_TEST(test_failure_is_isolated),
        DB_TEST(test_commit_fails),
        DB_TEST(test_empty_unit),
        DB_TEST(test_values),
        DB_TEST(test_poison),
        DB_TEST(test_key_too_long),
        DB_TEST(test_large_values),
        DB_TEST(test_problem_has_no_values),
        DB_TEST(test_queue_is_bounded),
        DB_TEST(test_cancel),
        DB_TEST(test_cancel_what_was_sent),
        DB_TEST(test_cancel_from_a_callback),
        DB_TEST(test_prepare),
        DB_TEST(test_close_ends_units),
        DB_TEST(test_close_from_a_callback),
        DB_TEST(test_affected_rows),
        DB_TEST(test_session_errors),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
