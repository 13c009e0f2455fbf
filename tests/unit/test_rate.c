/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Token buckets.
 */
#include "c2s/rate.h"

#include "common/base/macros.h"
#include "tests/unit/unit.h"

/* One bucket: 10 a second, 50 at once. */
static const struct {
    uint64_t at_ms;
    uint64_t amount;
    uint64_t wait_ms;
} story[] = {
    {0, 50, 0},          /* the whole burst */
    {0, 1, 101},         /* one more has to be paid back */
    {101, 0, 0},         /* paid */
    {1101, 10, 0},       /* what a second brings */
    {1101, 20, 2000},    /* a debt of almost 20 */
    {1101, 40, 5001},    /* a flood owes at most one burst */
    {1101, 1, 5001},     /* however long it goes on */
    {6102, 0, 0},        /* and that is over */
    {1000000000, 50, 0}, /* never more than full */
    {1000000000, 1, 101},
    {2000000000, 200, 15001}, /* one piece is paid whole */
    {2000000000, 1, 15001},   /* nothing of it is forgiven */
    {2000015001, 0, 0},
};

static void test_story(void **state UNUSED)
{
    struct rate rate;

    rate_init(&rate, 10, 50, 0);
    for (size_t i = 0; i < ARRAY_SIZE(story); i++) {
        uint64_t wait = rate_take(&rate, story[i].amount, story[i].at_ms);
        assert_int_equal(wait, story[i].wait_ms);
    }
}

static void test_unlimited(void **state UNUSED)
{
    struct rate rate = {0};

    assert_int_equal(rate_take(&rate, UINT32_MAX, 0), 0);
    assert_int_equal(rate_take(&rate, UINT32_MAX, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_unlimited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
