/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Clocks.
 */
#include "common/base/clock.h"

#include "tests/unit/unit.h"

/* A time without a reading does not count, neither in between nor again and again. */
static void test_awake(void **state)
{
    struct clock_awake clock = {0};
    uint64_t now = 1000000;

    (void)state;
    clock_fake(now, 0);
    uint64_t begin = clock_awake_ms(&clock);
    for (uint64_t i = 1; i <= 100; i++) {
        clock_fake(now += CLOCK_AWAKE_TICK_MS, 0);
        assert_int_equal(clock_awake_ms(&clock) - begin, i * CLOCK_AWAKE_TICK_MS);
    }
    begin = clock_awake_ms(&clock);
    clock_fake(now += 30000, 0);
    assert_int_equal(clock_awake_ms(&clock), begin);
    clock_fake(now += 1, 0);
    assert_int_equal(clock_awake_ms(&clock), begin + 1);
    clock_fake(now += 86400000, 0);
    assert_int_equal(clock_awake_ms(&clock), begin + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_awake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
