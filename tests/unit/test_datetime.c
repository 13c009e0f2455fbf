/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * common/xmpp/datetime.h: reading and writing of XEP-0082 date-times.
 */
#include <string.h>

#include "common/base/error.h"
#include "common/base/macros.h"
#include "common/xmpp/datetime.h"
#include "tests/unit/unit.h"

static void test_format(void **state)
{
    static const struct {
        int64_t time_us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1, "1970-01-01T00:00:00Z"},
        {1000, "1970-01-01T00:00:00.001Z"},
        {1769860800123456, "2026-01-31T12:00:00.123Z"},
        {1769860800000999, "2026-01-31T12:00:00Z"},
        {1709164800000000, "2024-02-29T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000000, "1969-12-31T23:59:59Z"},
        {-62135596800000000, "0001-01-01T00:00:00Z"},
        {253402300799999999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"},
    };
    char text[DATETIME_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        datetime_format(rows[i].time_us, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int64_t time_us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        /* XEP-0082 §3.2: one moment, two ways to write it. */
        {"1969-07-21T02:56:15Z", -14159025000000},
        {"1969-07-20T21:56:15-05:00", -14159025000000},
        {"2026-01-31T12:00:00.123Z", 1769860800123000},
        {"2026-01-31T12:00:00.5Z", 1769860800500000},
        {"2026-01-31T12:00:00.123456Z", 1769860800123456},
        {"2026-01-31T12:00:00.123456999Z", 1769860800123456},
        {"2026-01-31T12:00:00.000Z", 1769860800000000},
        {"2026-01-31T13:30:00.1+01:30", 1769860800100000},
        {"2026-01-31T12:00:00+00:00", 1769860800000000},
        {"2026-01-31T12:00:00-00:00", 1769860800000000},
        {"2024-02-29T00:00:00Z", 1709164800000000},
        {"2000-02-29T00:00:00Z", 951782400000000},
        {"0001-01-01T00:00:00Z", -62135596800000000},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999},
        {"1969-12-31T23:59:59.9Z", -100000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t time_us = 42;

        assert_int_equal(datetime_parse(rows[i].text, &time_us), 0);
        assert_int_equal(time_us, rows[i].time_us);
    }
}

static void test_malformed(void **state)
{
    static const char *const rows[] = {
        "",
        "Z",
        "2026",
        "2026-01-31",
        "12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "2026-01-31 12:00:00Z",
        "2026-01-31t12:00:00Z",
        "2026-01-31T12:00:00z",
        "20260131T12:00:00",
        "20260131T120000Z",
        "2026-1-31T12:00:00Z",
        "2026-00-31T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-32T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+01",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31T12:00:00 01:00",
        "2026-01-31T12:00:00Z ",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00ZZ",
        "-026-01-31T12:00:00Z",
        "+026-01-31T12:00:00Z",
        "12026-01-31T12:00:00Z",
        "2026-01-31T-1:00:00Z",
        "2026-01-31T12:00:00.5",
        "2026-01-31T12:00:0٣Z",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t time_us = 42;

        if (datetime_parse(rows[i], &time_us) != ERR_MALFORMED)
            fail_msg("accepted: '%s'", rows[i]);
        assert_int_equal(time_us, 42);
    }
}

/* Every prefix of a valid text is refused, and nothing is read behind its end. */
static void test_prefixes(void **state)
{
    static const char whole[] = "2026-01-31T12:00:00.123+01:00";

    (void)state;
    for (size_t length = 0; length < strlen(whole); length++) {
        char text[sizeof(whole)] = {0};
        int64_t time_us;

        memcpy(text, whole, length);
        assert_int_equal(datetime_parse(text, &time_us), ERR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_prefixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
