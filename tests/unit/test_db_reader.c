/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Connections that only read: what takes too long there is given up by the server too.
 */
#include "common/db/connection.h"

#include "tests/unit/database.h"

/* Who reads too much is told in time, and so is who comes next: the server has given it up. */
static void test_reader_gives_up(void **state)
{
    static const struct db_statement forever = {"forever", "SELECT pg_sleep(1000)", 0};
    static const struct db_statement work = {"work", "SELECT current_setting('work_mem') = '512kB'",
                                             0};
    struct world *world = get_world(state);
    char *conninfo = xasprintf("%s options='-c work_mem=512kB'", world->conninfo);
    struct db_unit *unit;

    free(world->conninfo);
    world->conninfo = conninfo;
    open_db(world, (struct db_settings){.connections = 2, .writers = 1, .deadline_ms = 2000});
    RUN_UNTIL(world, world->db->ready == 2);
    for (int i = 0; i < 2; i++) {
        unit = db_unit_new_reading(world->db);
        db_unit_add(unit, i == 0 ? &forever : &work, NULL);
        db_submit(unit, on_done, &world->outcomes[i]);
        assert_int_equal(wait_for(world, &world->outcomes[i]), i == 0 ? ERR_TIMEOUT : 0);
    }
    assert_string_equal(world->outcomes[1].text.data, "t");
}

int main(void)
{
    const struct CMUnitTest tests[] = {DB_TEST(test_reader_gives_up)};

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
