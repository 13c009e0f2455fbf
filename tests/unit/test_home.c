/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The secret of a home: drawn once, the same for all workers, never replaced. Its name: given once.
 */
#include "c2s/home.h"

#include "c2s/schema.h"
#include "tests/unit/database.h"

struct answer {
    int calls;
    int status;
    uint8_t secret[HOME_SECRET_SIZE];
};

static void on_secret(void *user, int status, const uint8_t secret[HOME_SECRET_SIZE])
{
    struct answer *answer = user;

    answer->calls++;
    answer->status = status;
    if (status == 0) {
        memcpy(answer->secret, secret, HOME_SECRET_SIZE);
    }
}

static int migrated(struct world *world)
{
    const char *problem = NULL;
    int64_t from;

    open_db(world, (struct db_settings){.connections = 4});
    return schema_migrate(world->session, &from, &problem);
}

static void test_drawn_once(void **state)
{
    struct world *world = get_world(state);
    struct answer answers[4] = {0}, later = {0};

    assert_int_equal(migrated(world), 0);
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        home_read_secret(world->db, on_secret, &answers[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        RUN_UNTIL(world, answers[i].calls > 0);
        assert_int_equal(answers[i].status, 0);
        assert_memory_equal(answers[i].secret, answers[0].secret, HOME_SECRET_SIZE);
    }
    assert_int_equal(ask_sql(world, "SELECT length(secret) FROM home"), HOME_SECRET_SIZE);
    home_read_secret(world->db, on_secret, &later);
    RUN_UNTIL(world, later.calls > 0);
    assert_memory_equal(later.secret, answers[0].secret, HOME_SECRET_SIZE);
}

static void test_unusable(void **state)
{
    static const char *const spoils[] = {"UPDATE home SET secret = 'short'", "DELETE FROM home"};
    struct world *world = get_world(state);

    assert_int_equal(migrated(world), 0);
    for (size_t i = 0; i < ARRAY_SIZE(spoils); i++) {
        struct answer answer = {0};

        run_sql(world, spoils[i]);
        home_read_secret(world->db, on_secret, &answer);
        RUN_UNTIL(world, answer.calls > 0);
        assert_int_equal(answer.status, ERR_NOT_FOUND);
    }
}

static void test_no_tables(void **state)
{
    struct world *world = get_world(state);
    struct answer answer = {0};

    open_db(world, (struct db_settings){0});
    home_read_secret(world->db, on_secret, &answer);
    assert_int_equal(answer.calls, 0);
    RUN_UNTIL(world, answer.calls > 0);
    assert_int_equal(answer.status, ERR_NOT_FOUND);
}

struct identity {
    int calls;
    int status;
    int64_t epoch;
    char name[32];
};

static void on_identity(void *user, int status, const char *name, int64_t epoch)
{
    struct identity *identity = user;

    identity->calls++;
    identity->status = status;
    identity->epoch = epoch;
    snprintf(identity->name, sizeof(identity->name), "%s", name ? name : "");
}

static struct identity read_as(struct world *world, const char *ours)
{
    struct identity identity = {0};

    home_read(world->db, ours, on_identity, &identity);
    assert_int_equal(identity.calls, 0);
    RUN_UNTIL(world, identity.calls > 0);
    return identity;
}

static void test_named_once(void **state)
{
    struct world *world = get_world(state);

    assert_int_equal(migrated(world), 0);
    struct identity identity = read_as(world, "alpha");
    assert_int_equal(identity.status, 0);
    assert_string_equal(identity.name, "alpha");
    assert_int_equal(identity.epoch, 1);
    assert_string_equal(read_as(world, "beta").name, "alpha");
    run_sql(world, "UPDATE home SET epoch = 7");
    assert_int_equal(read_as(world, "alpha").epoch, 7);
    run_sql(world, "DELETE FROM home");
    assert_int_equal(read_as(world, "alpha").status, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DB_TEST(test_drawn_once),
        DB_TEST(test_unusable),
        DB_TEST(test_no_tables),
        DB_TEST(test_named_once),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
