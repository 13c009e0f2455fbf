/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the buffer.
 */
#include "common/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static void test_starts_empty(void **state)
{
    (void)state;
    struct buffer buffer = {0};

    assert_null(buffer.data);
    buffer_clear(&buffer);
    buffer_consume(&buffer, 0);
    assert_null(buffer.data);
    char *taken = buffer_take(&buffer);
    assert_string_equal(taken, "");
    free(taken);
    buffer_wipe(&buffer);
    buffer_fini(&buffer);
}

static void test_appends_and_terminates(void **state)
{
    (void)state;
    struct buffer buffer = {0};

    buffer_append(&buffer, NULL, 0);
    assert_string_equal(buffer.data, "");
    buffer_append(&buffer, "ab", 2);
    buffer_append_text(&buffer, "cd");
    buffer_append_char(&buffer, 'e');
    buffer_printf(&buffer, "%03d", 7);
    assert_int_equal(buffer.length, 8);
    assert_string_equal(buffer.data, "abcde007");
    buffer_append(&buffer, "\0x", 2);
    assert_int_equal(buffer.length, 10);
    assert_memory_equal(buffer.data, "abcde007\0x", 11);
    buffer_fini(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
}

/* Each length around the growth steps, appended byte by byte and formatted at once. */
static void test_grows(void **state)
{
    (void)state;
    struct buffer bytes = {0};

    for (size_t i = 0; i < 1000; i++) {
        buffer_append_char(&bytes, (char)('a' + i % 26));
        assert_int_equal(strlen(bytes.data), i + 1);
        struct buffer formatted = {0};
        buffer_printf(&formatted, "%s", bytes.data);
        assert_int_equal(formatted.length, i + 1);
        assert_string_equal(formatted.data, bytes.data);
        buffer_fini(&formatted);
    }
    buffer_fini(&bytes);
}

static void test_reserve_is_written_in_place(void **state)
{
    (void)state;
    struct buffer buffer = {0};

    buffer_append_text(&buffer, "ab");
    char *end = buffer_reserve(&buffer, 200);
    assert_string_equal(buffer.data, "ab");
    memset(end, 'x', 200);
    buffer_added(&buffer, 3);
    assert_string_equal(buffer.data, "abxxx");
    buffer_fini(&buffer);
}

static void test_consume(void **state)
{
    (void)state;
    struct buffer buffer = {0};

    buffer_append_text(&buffer, "abcdef");
    buffer_consume(&buffer, 0);
    buffer_consume(&buffer, 2);
    assert_string_equal(buffer.data, "cdef");
    buffer_consume(&buffer, 4);
    assert_int_equal(buffer.length, 0);
    assert_string_equal(buffer.data, "");
    buffer_fini(&buffer);
}

static void test_clear_keeps_the_memory(void **state)
{
    (void)state;
    struct buffer buffer = {0};

    buffer_append_text(&buffer, "abc");
    size_t capacity = buffer.capacity;
    buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.capacity, capacity);
    assert_string_equal(buffer.data, "");
    buffer_fini(&buffer);
}

static void test_take_gives_it_away(void **state)
{
    (void)state;
    struct buffer buffer = {0};

    buffer_append_text(&buffer, "abc");
    char *taken = buffer_take(&buffer);
    assert_string_equal(taken, "abc");
    assert_null(buffer.data);
    assert_int_equal(buffer.length, 0);
    free(taken);
}

static void test_numbers(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_append_number(&buffer, 0);
    buffer_append_char(&buffer, ' ');
    buffer_append_number(&buffer, 1090);
    buffer_append_char(&buffer, ' ');
    buffer_append_number(&buffer, UINT64_MAX);
    assert_string_equal(buffer.data, "0 1090 18446744073709551615");
    buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),
        cmocka_unit_test(test_appends_and_terminates),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_reserve_is_written_in_place),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_clear_keeps_the_memory),
        cmocka_unit_test(test_take_gives_it_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
