/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The options of rooms: what a room can be configured to be.
 */
#include <string.h>

#include "muc/options.h"
#include "tests/unit/unit.h"

static bool accepts(enum option option, const char *value)
{
    return option_accepts(option, &value);
}

static void test_options_accept(void **state)
{
    (void)state;
    assert_true(accepts(OPTION_PUBLIC, "1"));
    assert_true(accepts(OPTION_PUBLIC, "false"));
    assert_false(accepts(OPTION_PUBLIC, "maybe"));
    assert_true(accepts(OPTION_WHOIS, "anyone"));
    assert_false(accepts(OPTION_WHOIS, "nobody"));
    assert_true(accepts(OPTION_MAX_USERS, "none"));
    assert_true(accepts(OPTION_MAX_USERS, "37"));
    assert_false(accepts(OPTION_MAX_USERS, "0"));
    assert_false(accepts(OPTION_MAX_USERS, "-1"));
    assert_true(accepts(OPTION_BROADCAST, "moderator\nvisitor"));
    assert_true(accepts(OPTION_BROADCAST, ""));
    assert_false(accepts(OPTION_BROADCAST, "moderator\nowner"));
    assert_true(accepts(OPTION_HISTORY, "0"));
    assert_false(accepts(OPTION_HISTORY, "many"));
}

static void test_booleans_are_kept_in_one_form(void **state)
{
    const char *value = "true";

    (void)state;
    assert_true(option_accepts(OPTION_MODERATED, &value));
    assert_string_equal(value, "1");
}

static void test_presets_are_accepted(void **state)
{
    (void)state;
    for (int i = 0; i < OPTIONS; i++) {
        const char *value = option_rows[i].preset;

        assert_true(option_accepts((enum option)i, &value));
        assert_int_equal(option_of_field(option_rows[i].field), i);
        assert_int_equal(option_of_stored(option_rows[i].stored), i);
    }
    assert_int_equal(option_of_field("muc#roomconfig_nothing"), -1);
}

static void test_lists(void **state)
{
    (void)state;
    assert_true(option_has("moderator\nvisitor", "visitor"));
    assert_false(option_has("moderator\nvisitor", "visit"));
    assert_false(option_has("", "visitor"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_accept),
        cmocka_unit_test(test_booleans_are_kept_in_one_form),
        cmocka_unit_test(test_presets_are_accepted),
        cmocka_unit_test(test_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
