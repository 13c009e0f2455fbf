/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Settings of the server that weaken the promise are named.
 */
#include "c2s/promise.h"

#include "tests/unit/database.h"

/* The server of the tests has no fsync. */
static const struct {
    const char *settings; /* of the session that asks */
    const char *weak;
} rows[] = {
    {"-c synchronous_commit=on", "fsync=off"},
    {"-c synchronous_commit=remote_apply", "fsync=off"},
    {"-c synchronous_commit=local", "fsync=off"},
    {"-c synchronous_commit=off", "fsync=off synchronous_commit=off"},
};

static void on_read(void *user, const char *weak)
{
    buffer_append_text(user, weak);
    buffer_append_char(user, ';');
}

static void test_settings(void **state)
{
    struct world *world = get_world(state);
    char *conninfo = world->conninfo;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buffer weak = {0};
        char *expected = xasprintf("%s;", rows[i].weak);

        world->conninfo = xasprintf("%s options='%s'", conninfo, rows[i].settings);
        open_db(world, (struct db_settings){0});
        promise_check(world->db, on_read, &weak);
        RUN_UNTIL(world, weak.length > 0);
        assert_string_equal(weak.data, expected);
        world->closed = 0;
        db_close(world->db, on_closed, &world->closed);
        RUN_UNTIL(world, world->closed > 0);
        free(world->conninfo);
        free(expected);
        buffer_fini(&weak);
    }
    world->conninfo = conninfo;
}

int main(void)
{
    const struct CMUnitTest tests[] = {DB_TEST(test_settings)};

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
