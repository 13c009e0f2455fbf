/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * When it is searched for what is too old (docs/rules/archive.md, R11 and R12).
 */
#include "tests/unit/fake_client.h"

#define INTERVAL_MS 3600000
#define HOUR_US     (INT64_C(3600) * 1000000)

/* Whether there was a search within this time. */
static bool searched(uint64_t ms)
{
    unsigned before = fake_db.units;

    fake_later(ms);
    return fake_db.units > before;
}

static void set_clock(int64_t ahead_us)
{
    clock_fake(clock_monotonic_ms(), clock_wall_us() + ahead_us);
}

static void again_and_again(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_false(searched(INTERVAL_MS - 1));
        assert_true(searched(1));
    }
}

static void after_a_failure(void **state)
{
    (void)state;
    fake_db.status = ERR_UNAVAILABLE;
    assert_true(searched(INTERVAL_MS));
    fake_db.status = 0;
    assert_false(searched(29999));
    assert_true(searched(1));
    assert_false(searched(INTERVAL_MS - 1));
}

static void a_clock_that_jumps(void **state)
{
    (void)state;
    set_clock(HOUR_US - 1);
    assert_true(searched(INTERVAL_MS));
    set_clock(HOUR_US);
    assert_false(searched(INTERVAL_MS));
    assert_true(searched(INTERVAL_MS)); /* nobody has set it back */
    set_clock(-100 * HOUR_US);          /* that harms nobody */
    assert_true(searched(INTERVAL_MS));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(again_and_again),
        TEST(after_a_failure),
        TEST(a_clock_that_jumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
