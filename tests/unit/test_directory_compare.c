/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Comparing copies of the directory: what differs is found, and little is sent for it.
 */
#include "c2s/directory/compare.h"
#include "tests/unit/directory_world.h"

struct compared {
    struct buffer text;
    int status;
    uint64_t entries;
    unsigned calls;
};

static void on_difference(void *user, const char *jid, const char *what)
{
    struct compared *compared = user;

    buffer_printf(&compared->text, "%s %s\n", jid, what);
}

static void on_compared(void *user, int status, uint64_t entries)
{
    struct compared *compared = user;

    compared->calls++;
    compared->status = status;
    compared->entries = entries;
}

static void compare_with_beta(struct compared *compared)
{
    static const struct compare_ops ops = {on_difference, on_compared};

    *compared = (struct compared){0};
    buffer_append_text(&compared->text, "");
    directory_compare(nodes[GAMMA].directory, "beta", &ops, compared);
    UNTIL(compared->calls > 0);
}

#define COPY                                                                                       \
    "INSERT INTO directory (jid_hash, jid, home, version, deleted, key_id, signature, serial)"

/* Names that differ are found among those that do not, and only these are sent. */
static void test_comparing(void **state)
{
    struct compared compared;

    BEGIN_TEST();
    add_accounts(BETA, "bea", 350);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 350);
    unsigned before = compares;
    compare_with_beta(&compared);
    assert_int_equal(compared.status, 0);
    assert_int_equal(compared.entries, 350);
    assert_string_equal(compared.text.length ? compared.text.data : "", "");
    assert_int_equal(compares - before, 4); /* of 100 names each */
    run_sql(&nodes[GAMMA].world, "DELETE FROM directory WHERE jid = 'bea7@example.net'");
    run_sql(&nodes[GAMMA].world, "UPDATE directory SET version = 9 WHERE jid = 'bea8@example.net'");
    run_sql(&nodes[GAMMA].world,
            COPY " SELECT sha256('nobody@example.net'), 'nobody@example.net', home, version,"
                 " deleted, key_id, signature, 1000 FROM directory"
                 " WHERE jid = 'bea9@example.net'");
    buffer_fini(&compared.text);
    compare_with_beta(&compared);
    assert_int_equal(compared.status, 0);
    assert_non_null(strstr(compared.text.data, "bea7@example.net missing here\n"));
    assert_non_null(strstr(compared.text.data, "bea8@example.net in another state than there\n"));
    assert_non_null(strstr(compared.text.data, "nobody@example.net missing there\n"));
    size_t lines = 0;
    for (const char *at = compared.text.data; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 3);
    buffer_fini(&compared.text);
}

/* A range is read by an index that ends where the range does, whatever else there is. */
static void test_comparing_reads_by_index(void **state)
{
    BEGIN_TEST();
    add_accounts(BETA, "bea", 250);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 250);
    assert_int_equal(count_in(GAMMA, "SELECT count(*) FROM pg_index WHERE indexrelid ="
                                     " 'directory_order'::regclass AND indisvalid"),
                     1);
    run_sql(&nodes[GAMMA].world,
            "DO $$ DECLARE plan text := ''; line text; BEGIN"
            " SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
            " SET LOCAL enable_sort = off;"
            " FOR line IN EXPLAIN SELECT serial FROM directory WHERE home = 'beta'"
            " AND jid_hash > '\\x00' AND jid_hash <= '\\xff' ORDER BY jid_hash LIMIT 100"
            " LOOP plan := plan || line; END LOOP;"
            " ASSERT plan LIKE '%directory_order%' AND plan NOT LIKE '%Sort%', plan; END $$");
}

/* Much that is only at one side, at the beginning, in the middle and at the end. */
static void test_comparing_much(void **state)
{
    struct compared compared;

    BEGIN_TEST();
    add_accounts(BETA, "bea", 350);
    open_network();
    UNTIL(count_in(GAMMA, ENTRIES("beta")) == 350);
    run_sql(&nodes[GAMMA].world, "DELETE FROM directory WHERE home = 'beta'");
    compare_with_beta(&compared);
    assert_int_equal(compared.entries, 0);
    assert_non_null(strstr(compared.text.data, "bea350@example.net missing here\n"));
    size_t lines = 0;
    for (const char *at = compared.text.data; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 350);
    buffer_fini(&compared.text);
    nodes[BETA].away = true;
    compare_with_beta(&compared);
    assert_int_equal(compared.status, ERR_UNAVAILABLE);
    buffer_fini(&compared.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NETWORK_TEST(test_comparing),
        NETWORK_TEST(test_comparing_reads_by_index),
        NETWORK_TEST(test_comparing_much),
    };

    return cmocka_run_group_tests(tests, network_group_setup, network_group_teardown);
}
