/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The subscription table against RFC 6121, appendix A (subscription_cells.h).
 */
#include "tests/unit/subscription_cells.h"

static void test_appendix_a(void **state)
{
    size_t cells = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(appendix); i++) {
        for (int now = 0; now < SUBSCRIPTIONS; now++) {
            const char *cell = appendix[i].cells[now];
            const struct subscription_rule *rule =
                subscription_rule((enum subscription)now, appendix[i].event);
            enum subscription next = appendix_next(cell, (enum subscription)now);

            if (rule->next != next || rule->pass != (*cell == '+') ||
                rule->reply != (*cell == '*')) {
                fail_msg("%s, %s: expected %s", appendix[i].section, appendix_states[now], cell);
            }
            cells++;
        }
    }
    assert_int_equal(cells, 72);
}

static void test_halves(void **state)
{
    (void)state;
    for (int now = 0; now < SUBSCRIPTIONS; now++) {
        enum subscription same = (enum subscription)now;

        assert_int_equal(subscription_make(subscription_to(same), subscription_from(same),
                                           subscription_pending_out(same),
                                           subscription_pending_in(same)),
                         same);
        assert_string_equal(subscription_name(same),
                            subscription_to(same) ? (subscription_from(same) ? "both" : "to")
                                                  : (subscription_from(same) ? "from" : "none"));
    }
}

/* What the database may hold by mistake: an answered request that is still marked as waiting. */
static void test_impossible_halves(void **state)
{
    (void)state;
    assert_int_equal(subscription_make(true, false, true, false), SUBSCRIPTION_TO);
    assert_int_equal(subscription_make(false, true, false, true), SUBSCRIPTION_FROM);
    assert_int_equal(subscription_make(true, true, true, true), SUBSCRIPTION_BOTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appendix_a),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_impossible_halves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
