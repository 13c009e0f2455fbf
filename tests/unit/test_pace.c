/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The pace of handshakes: spread evenly, but for those who come back behind a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "c2s/pace.h"

#define SECOND     UINT64_C(1000000)
#define PER_SECOND 200

/* How many of those that come at once begin at once. */
static unsigned at_once(struct pace *pace, uint64_t now_us)
{
    unsigned begun = 0;

    while (pace_wait(pace, now_us, PER_SECOND) == 0)
        begun++;
    return begun;
}

static void test_evenly(void **state)
{
    struct pace pace = {.started_us = 10 * SECOND};
    uint64_t now_us = 100 * SECOND;

    (void)state;
    for (uint64_t i = 0; i < 3 * PER_SECOND; i++)
        assert_int_equal(pace_wait(&pace, now_us, PER_SECOND), i * SECOND / PER_SECOND);
    /* Whoever comes later does not wait for moments that are over. */
    now_us += 3 * SECOND;
    assert_int_equal(pace_wait(&pace, now_us, PER_SECOND), 0);
    assert_int_equal(pace_wait(&pace, now_us, PER_SECOND), SECOND / PER_SECOND);
}

static void test_quiet_saves_nothing(void **state)
{
    struct pace pace = {.started_us = 10 * SECOND};

    (void)state;
    assert_int_equal(at_once(&pace, 100 * SECOND), 1);
    assert_int_equal(at_once(&pace, 1000 * SECOND), 1);
}

static void test_behind_the_start(void **state)
{
    struct pace pace = {.started_us = 10 * SECOND};

    (void)state;
    assert_int_equal(at_once(&pace, 11 * SECOND), 5 * PER_SECOND + 1);
    assert_in_range(pace_wait(&pace, 11 * SECOND, PER_SECOND), 1, 2 * SECOND / PER_SECOND);
    assert_int_equal(at_once(&pace, 70 * SECOND), 1);
}

/* The clock may begin with the system. */
static void test_young_clock(void **state)
{
    struct pace pace = {0};

    (void)state;
    assert_int_equal(at_once(&pace, SECOND), PER_SECOND + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evenly),
        cmocka_unit_test(test_quiet_saves_nothing),
        cmocka_unit_test(test_behind_the_start),
        cmocka_unit_test(test_young_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
