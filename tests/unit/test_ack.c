/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The counters of XEP-0198: what is a number, and what it says once it has begun again at 0.
 */
#include "common/stream/ack.h"

#include "common/base/error.h"
#include "tests/unit/unit.h"

static void h_is_an_unsigned_int(void **state)
{
    static const struct {
        const char *text;
        int error;
        uint32_t h;
    } rows[] = {
        {"0", 0, 0},
        {"7", 0, 7},
        {"007", 0, 7},
        {" 7\n", 0, 7},
        {"4294967295", 0, UINT32_MAX},
        {"00000000000000000000004294967295", 0, UINT32_MAX},
        {"4294967296", ERR_MALFORMED, 0},
        {"18446744073709551616", ERR_MALFORMED, 0},
        {"99999999999999999999999999999999", ERR_MALFORMED, 0},
        {"-1", ERR_MALFORMED, 0},
        {"+1", ERR_MALFORMED, 0},
        {"1 2", ERR_MALFORMED, 0},
        {"1.0", ERR_MALFORMED, 0},
        {"0x10", ERR_MALFORMED, 0},
        {"\xd9\xa1", ERR_MALFORMED, 0}, /* a digit of another script */
        {" ", ERR_MALFORMED, 0},
        {"", ERR_MALFORMED, 0},
        {NULL, ERR_MALFORMED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena *arena = arena_new();
        struct element *element = element_new(arena, NS_SM, "a");
        uint32_t h = 99;
        element_set(element, "h", rows[i].text);
        assert_int_equal(ack_read_h(element, &h), rows[i].error);
        assert_int_equal(h, rows[i].error ? 99 : rows[i].h);
        arena_free(arena);
    }
}

static void progress_wraps(void **state)
{
    static const struct {
        uint32_t h, acknowledged;
        size_t unacked;
        int error;
        uint32_t count;
    } rows[] = {
        {0, 0, 0, 0, 0},
        {3, 0, 3, 0, 3},
        {4, 0, 3, ERR_LIMIT, 0},
        {2, 3, 5, ERR_LIMIT, 0}, /* less than before */
        {5, 5, 0, 0, 0},
        {UINT32_MAX, UINT32_MAX, 9, 0, 0},
        {0, UINT32_MAX, 1, 0, 1},
        {4, UINT32_MAX - 1, 6, 0, 6},
        {4, UINT32_MAX - 1, 5, ERR_LIMIT, 0},
        {UINT32_MAX - 1, 4, 100, ERR_LIMIT, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t count = 0;
        assert_int_equal(ack_progress(rows[i].h, rows[i].acknowledged, rows[i].unacked, &count),
                         rows[i].error);
        assert_int_equal(count, rows[i].count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h_is_an_unsigned_int),
        cmocka_unit_test(progress_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
