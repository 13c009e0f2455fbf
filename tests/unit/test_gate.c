/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How many strangers a server lets in (S12), and how often it tells that it did not.
 */
#include "common/io/gate.h"

#include "tests/unit/unit.h"

#define ALL 6

static int setup(void **state)
{
    *state = gate_new();
    gate_limit(*state, 2, ALL);
    return 0;
}

static int teardown(void **state)
{
    gate_free(*state);
    return 0;
}

static void each_and_all(void **state)
{
    struct gate *gate = *state;
    assert_null(gate_enter(gate, "192.0.2.1"));
    assert_null(gate_enter(gate, "192.0.2.1"));
    assert_non_null(gate_enter(gate, "192.0.2.1"));
    assert_null(gate_enter(gate, "192.0.2.2"));
    assert_null(gate_enter(gate, "192.0.2.2"));
    assert_null(gate_enter(gate, "192.0.2.3"));
    assert_null(gate_enter(gate, "192.0.2.4"));
    assert_non_null(gate_enter(gate, "192.0.2.5")); /* one too many in all */
    gate_leave(gate, "192.0.2.1");
    assert_null(gate_enter(gate, "192.0.2.5"));
}

/* Refusals count nothing: whoever leaves makes room. */
static void refused_ones_do_not_count(void **state)
{
    struct gate *gate = *state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(gate_enter(gate, "192.0.2.1") == NULL, i < 2);
    gate_leave(gate, "192.0.2.1");
    gate_leave(gate, "192.0.2.1");
    for (int i = 0; i < 1000; i++) {
        assert_null(gate_enter(gate, "192.0.2.1"));
        gate_leave(gate, "192.0.2.1");
    }
    gate_leave(gate, "192.0.2.9"); /* was never in */
    assert_null(gate_enter(gate, "192.0.2.1"));
}

/* Of IPv6 a /64 is what one customer has. */
static void networks(void **state)
{
    static const struct {
        const char *first, *second;
        bool same;
    } rows[] = {
        {"2001:db8::1", "2001:db8::2", true},
        {"2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"2001:db8::1", "192.0.2.1", false},
        {"192.0.2.1", "192.0.2.2", false},
        {"unknown", "unix", true}, /* what has no address is counted together */
    };
    struct gate *gate = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_null(gate_enter(gate, rows[i].first));
        assert_null(gate_enter(gate, rows[i].first));
        bool second = gate_enter(gate, rows[i].second) == NULL;
        if (second == rows[i].same)
            fail_msg("row %zu", i);
        if (second)
            gate_leave(gate, rows[i].second);
        gate_leave(gate, rows[i].first);
        gate_leave(gate, rows[i].first);
    }
}

static void told_once_a_minute(void **state)
{
    struct gate *gate = *state;
    assert_null(gate_enter(gate, "192.0.2.1"));
    assert_null(gate_enter(gate, "192.0.2.1"));
    assert_true(gate_tells(gate, "192.0.2.1", 1000));
    assert_false(gate_tells(gate, "192.0.2.1", 60999));
    assert_true(gate_tells(gate, "192.0.2.1", 61000));
    assert_null(gate_enter(gate, "192.0.2.2"));
    assert_null(gate_enter(gate, "192.0.2.2"));
    assert_true(gate_tells(gate, "192.0.2.2", 61000));
    assert_null(gate_enter(gate, "192.0.2.3"));
    assert_null(gate_enter(gate, "192.0.2.4"));
    /* Full: it does not matter who is next. */
    assert_true(gate_tells(gate, "192.0.2.5", 61000));
    assert_false(gate_tells(gate, "192.0.2.6", 61001));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_and_all),
        TEST(refused_ones_do_not_count),
        TEST(networks),
        TEST(told_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
