/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the lines of a configuration file.
 */
#include "common/config/tokenizer.h"

#include <string.h>

#include "common/base/error.h"
#include "tests/unit/unit.h"

static const struct {
    const char *text;
    enum config_line_kind kind;
    const char *name;
    size_t name_column;
    const char *value;
    size_t value_column;
    bool quoted;
} good[] = {
    {"", CONFIG_LINE_EMPTY, NULL, 0, NULL, 0, false},
    {" \t ", CONFIG_LINE_EMPTY, NULL, 0, NULL, 0, false},
    {"\r", CONFIG_LINE_EMPTY, NULL, 0, NULL, 0, false},
    {"# [node] \"", CONFIG_LINE_EMPTY, NULL, 0, NULL, 0, false},
    {"; x", CONFIG_LINE_EMPTY, NULL, 0, NULL, 0, false},
    {"\t# x", CONFIG_LINE_EMPTY, NULL, 0, NULL, 0, false},
    {"[node]", CONFIG_LINE_SECTION, "node", 2, NULL, 0, false},
    {" [ node ] # x", CONFIG_LINE_SECTION, "node", 4, NULL, 0, false},
    {"[domain \"a.example\"]", CONFIG_LINE_SECTION, "domain", 2, "a.example", 9, true},
    {"[domain\"a\" ] ; x", CONFIG_LINE_SECTION, "domain", 2, "a", 8, true},
    {"[domain \"]\"]", CONFIG_LINE_SECTION, "domain", 2, "]", 9, true},
    {"host = a.example", CONFIG_LINE_VALUE, "host", 1, "a.example", 8, false},
    {"host=a.example\r", CONFIG_LINE_VALUE, "host", 1, "a.example", 6, false},
    {"\tlog-level\t=\tinfo\t", CONFIG_LINE_VALUE, "log-level", 2, "info", 14, false},
    {"k =", CONFIG_LINE_VALUE, "k", 1, "", 4, false},
    {"k = # x", CONFIG_LINE_VALUE, "k", 1, "", 5, false},
    {"k = v # x", CONFIG_LINE_VALUE, "k", 1, "v", 5, false},
    {"k = v ;x", CONFIG_LINE_VALUE, "k", 1, "v", 5, false},
    {"k = a#b;c", CONFIG_LINE_VALUE, "k", 1, "a#b;c", 5, false},
    {"k =#b", CONFIG_LINE_VALUE, "k", 1, "#b", 4, false},
    {"k = a b = c", CONFIG_LINE_VALUE, "k", 1, "a b = c", 5, false},
    {"k = a \"b\" \\", CONFIG_LINE_VALUE, "k", 1, "a \"b\" \\", 5, false},
    {"k = \"\"", CONFIG_LINE_VALUE, "k", 1, "", 5, true},
    {"k = \" a # b \" # c", CONFIG_LINE_VALUE, "k", 1, " a # b ", 5, true},
    {"k = \"a\\\"b\\\\c\"", CONFIG_LINE_VALUE, "k", 1, "a\"b\\c", 5, true},
    {"k = gr\xc3\xbc\xc3\x9f", CONFIG_LINE_VALUE, "k", 1, "gr\xc3\xbc\xc3\x9f", 5, false},
};

static const struct {
    const char *text;
    size_t length; /* 0: of the text */
    size_t column;
    const char *mistake;
} bad[] = {
    {"[", 0, 2, "a name is expected here, made of letters, digits and '-'"},
    {"[]", 0, 2, "a name is expected here, made of letters, digits and '-'"},
    {"= x", 0, 1, "a name is expected here, made of letters, digits and '-'"},
    {"  \"k\" = x", 0, 3, "a name is expected here, made of letters, digits and '-'"},
    {"[node", 0, 6, "']' or a name in quotes is missing"},
    {"[node x]", 0, 7, "']' or a name in quotes is missing"},
    {"[domain \"x\"", 0, 12, "']' is missing"},
    {"[domain \"x\" y]", 0, 13, "']' is missing"},
    {"[domain \"x]", 0, 9, "the quote is not closed"},
    {"[node] x", 0, 8, "nothing more is expected here"},
    {"[node]]", 0, 7, "nothing more is expected here"},
    {"host", 0, 5, "'=' is missing"},
    {"host a.example", 0, 6, "'=' is missing"},
    {"host.x = a", 0, 5, "'=' is missing"},
    {"k = \"x", 0, 5, "the quote is not closed"},
    {"k = \"x\\\"", 0, 5, "the quote is not closed"},
    {"k = \"x\" y", 0, 9, "nothing more is expected here"},
    {"k = \"x\"#y", 0, 8, "nothing more is expected here"},
    {"k = \"a\\n\"", 0, 7, "only \\\" and \\\\ are known inside quotes"},
    {"k = \"a\\", 0, 7, "only \\\" and \\\\ are known inside quotes"},
    {"k = a\0b", 7, 6, "control characters are not allowed"},
    {"k = a\x1b[1m", 0, 6, "control characters are not allowed"},
    {"k = a\x7f", 0, 6, "control characters are not allowed"},
    {"k = a\rb", 0, 6, "control characters are not allowed"},
    {"# \xff", 0, 3, "this is not UTF-8"},
    {"k = a\xc3", 0, 6, "this is not UTF-8"},
    {"k = \xc0\x80", 0, 5, "this is not UTF-8"},
};

static void assert_text_or_null(const char *text, const char *expected)
{
    if (!expected) {
        assert_null(text);
        return;
    }
    assert_non_null(text);
    assert_string_equal(text, expected);
}

static void test_good_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct arena *arena = arena_new();
        struct config_line line;
        struct config_mistake mistake;
        assert_int_equal(
            config_line_parse(arena, good[i].text, strlen(good[i].text), &line, &mistake), 0);
        assert_int_equal(line.kind, good[i].kind);
        assert_text_or_null(line.name, good[i].name);
        assert_int_equal(line.name_column, good[i].name_column);
        assert_text_or_null(line.value, good[i].value);
        assert_int_equal(line.value_column, good[i].value_column);
        assert_int_equal(line.quoted, good[i].quoted);
        arena_free(arena);
    }
}

static void test_bad_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        size_t length = bad[i].length ? bad[i].length : strlen(bad[i].text);
        struct arena *arena = arena_new();
        struct config_line line;
        struct config_mistake mistake = {0};
        if (config_line_parse(arena, bad[i].text, length, &line, &mistake) != ERR_MALFORMED) {
            fail_msg("taken: %s", bad[i].text);
        }
        assert_string_equal(mistake.text, bad[i].mistake);
        assert_int_equal(mistake.column, bad[i].column);
        arena_free(arena);
    }
}

/* What is read ends at `length`: a copy without a byte behind it, for the sanitizers to watch. */
static void test_every_beginning_of_a_line(void **state)
{
    (void)state;
    static const char text[] = "[domain \"a\\\"b\"] # x";
    static const char value[] = "key = \"a\\\\b\" ; x";

    for (size_t length = 0; length < sizeof(text); length++) {
        struct arena *arena = arena_new();
        struct config_line line;
        struct config_mistake mistake;
        char *copy = arena_alloc(arena, length);
        memcpy(copy, text, MIN(length, sizeof(text) - 1));
        /* Closed from the bracket on. */
        bool whole = length == 0 || (length >= 15 && length < sizeof(text));
        assert_int_equal(!config_line_parse(arena, copy, length, &line, &mistake), whole);
        arena_free(arena);
    }
    for (size_t length = 0; length < sizeof(value) - 1; length++) {
        struct arena *arena = arena_new();
        struct config_line line;
        struct config_mistake mistake;
        char *copy = arena_alloc(arena, length);
        memcpy(copy, value, length);
        bool whole = length == 0 || length == 5 || length == 6 || length >= 12;
        assert_int_equal(!config_line_parse(arena, copy, length, &line, &mistake), whole);
        arena_free(arena);
    }
}

static void test_long_lines(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct config_line line;
    struct config_mistake mistake = {0};
    char *text = arena_printf(arena, "k = %04093d", 0);

    assert_int_equal(config_line_parse(arena, text, 4096, &line, &mistake), 0);
    assert_int_equal(strlen(line.value), 4092);
    assert_int_equal(config_line_parse(arena, text, 4097, &line, &mistake), ERR_MALFORMED);
    assert_int_equal(mistake.column, 4097);
    assert_string_equal(mistake.text, "the line is longer than 4096 bytes");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_lines),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_every_beginning_of_a_line),
        cmocka_unit_test(test_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
