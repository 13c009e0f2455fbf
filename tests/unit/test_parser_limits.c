/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the limits of the stream parser, each at its value and one beyond.
 */

#include "tests/unit/parser_record.h"

static const struct parser_limits small = {
    .header_bytes = 200,
    .element_bytes = 4096,
    .depth = 4,
    .elements = 6,
    .attributes = 8, /* of a stanza five of them may be added on its way */
    .namespaces = 2,
};

/* Small in bytes alone. */
static const struct parser_limits many = {
    .header_bytes = 200,
    .element_bytes = 16384,
    .depth = 4,
    .elements = 4096,
    .attributes = 8,
    .namespaces = 2,
};

/* Each limit at its value and one beyond. */
static void test_limits(void **state)
{
    static const struct row limits[] = {
        ROW("depth", H "<a><b><c><d/></c></b></a>", "H E<a><b><c><d/></c></b></a>"),
        ROW("depth + 1", H "<a><b><c><d><e/></d></c></b></a>", "H !policy-violation"),
        ROW("elements", H "<a><b/><b/><b/><b/><b/></a>", "H E<a><b/><b/><b/><b/><b/></a>"),
        ROW("elements + 1", H "<a><b/><b/><b/><b/><b/><b/></a>", "H !policy-violation"),
        ROW("elements again", H "<a><b/><b/><b/></a><a><b/><b/><b/></a>",
            "H E<a><b/><b/><b/></a> E<a><b/><b/><b/></a>"),
        ROW("attributes", H "<a b='' c='' d=''/>", "H E<a b='' c='' d=''/>"),
        ROW("attributes + 1", H "<a b='' c='' d='' e=''/>", "H !policy-violation"),
        ROW("attributes + 3", H "<a b='' c='' d='' e='' f='' g=''/>", "H !policy-violation"),
        ROW("attributes that are added",
            H "<a b='' c='' d='' from='' to='' id='' type='' xml:lang=''/>",
            "H E<a b='' c='' d='' from='' to='' id='' type='' xml:lang=''/>"),
        ROW("attributes inside", H "<a><b c='' d='' e='' f='' g='' h='' i='' j=''/></a>",
            "H E<a><b c='' d='' e='' f='' g='' h='' i='' j=''/></a>"),
        ROW("attributes inside + 1", H "<a><b c='' d='' e='' f='' g='' h='' i='' j='' k=''/></a>",
            "H !policy-violation"),
        ROW("namespaces", H "<a xmlns:b='b' xmlns:c='c'/>", "H E<a/>"),
        ROW("namespaces + 1", H "<a xmlns:b='b' xmlns:c='c' xmlns:d='d'/>", "H !policy-violation"),
        ROW("attributes of the header", "<a b='' c='' d='' e='' f='' g='' h='' i='' j=''>",
            "!policy-violation"),
        ROW("namespaces as written", H "<a xmlns:b='b'><c xmlns:d='d' b:e='' d:f=''/></a>",
            "H !policy-violation"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        expect_everywhere(*state, &small, limits[i].bytes, limits[i].length, limits[i].expected,
                          limits[i].name);
    }
}

/* X32: bytes are counted before they are parsed; white space between elements is not. */
static void test_limit_of_element_bytes(void **state)
{
    for (size_t more = 0; more <= 1; more++) {
        struct buffer text = {0};
        struct buffer line = {0};
        buffer_append_text(&text, H "   \n<a/>   ");
        size_t start = text.length;
        buffer_append_text(&text, "<a>");
        append_repeated(&text, "x", small.element_bytes - strlen("<a></a>") + more);
        buffer_append_text(&text, "</a>");
        buffer_append_text(&line, "H E<a/> E");
        buffer_append(&line, text.data + start, text.length - start);
        const char *expected = more ? "H E<a/> !policy-violation+too-big" : line.data;
        expect(*state, &small, false, text.data, text.length, text.length, 1, expected, "whole");
        expect(*state, &small, false, text.data, text.length, 1, 1, expected, "bytes");
        expect(*state, &small, true, text.data, text.length, 7, 300, expected, "kept");
        buffer_fini(&text);
        buffer_fini(&line);
    }
}

/* X4: everything up to the end of the header counts. */
static void test_limit_of_header_bytes(void **state)
{
    for (size_t more = 0; more <= 1; more++) {
        struct buffer text = {0};
        buffer_append_text(&text, " \n" DECLARATION "\n");
        append_repeated(&text, " ", small.header_bytes - strlen(HEADER) - text.length + more);
        buffer_append_text(&text, HEADER);
        expect_everywhere(*state, &small, text.data, text.length, more ? "!policy-violation" : "H",
                          "header");
        buffer_fini(&text);
    }
}

/* X4, X33: tokens without end, small and big pieces. */
static void test_endless_tokens(void **state)
{
    static const struct {
        const char *begin;
        const char *repeat;
        const char *expected;
    } tokens[] = {
        {"", " ", "!policy-violation"},
        {DECLARATION, "\n", "!policy-violation"},
        {"<?xml version='1.0' ", " ", "!not-well-formed"},
        {"<!DOCTYPE s [", " ", "!policy-violation"},
        {"<!-- ", "x", "!policy-violation"},
        {"<a b='", "x", "!policy-violation"},
        {H "<", "n", "H !policy-violation+too-big"},
        {H "<a ", "n", "H !policy-violation+too-big"},
        {H "<a b='", "x", "H !policy-violation+too-big"},
        {H "<a>", "x", "H !policy-violation+too-big"},
        {H "<!-- ", "x", "H !policy-violation+too-big"},
        {H "<a><![CDATA[", "]", "H !policy-violation+too-big"},
        {H "<a>&#", "1", "H !policy-violation+too-big"},
        {H "<a>", "&#65;", "H !policy-violation+too-big"},
        {H "<?a ", "x", "H !policy-violation+too-big"},
        {H "</", "x", "H !policy-violation+too-big"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
        struct buffer text = {0};
        buffer_append_text(&text, tokens[i].begin);
        append_repeated(&text, tokens[i].repeat, 1024 * 1024 / strlen(tokens[i].repeat));
        expect(*state, &parser_limits_before_auth, false, text.data, text.length, 4096, 4096,
               tokens[i].expected, tokens[i].begin);
        expect(*state, &parser_limits_after_auth, true, text.data, text.length, 4096, 4096,
               tokens[i].expected, tokens[i].begin);
        expect(*state, &parser_limits_after_auth, false, text.data, text.length, 1, 1,
               tokens[i].expected, tokens[i].begin);
        buffer_fini(&text);
    }
}

/* X29, X31: far beyond the limits, in one piece. */
static void test_far_beyond(void **state)
{
    static const struct {
        const char *repeat;
        size_t times;
    } floods[] = {{"<a>", 65}, {"<a>", 1000}, {"<a>", 80000}, {"<a/>", 65000}, {"<a/>", 4096}};

    for (size_t i = 0; i < ARRAY_SIZE(floods); i++) {
        struct buffer text = {0};
        buffer_append_text(&text, H "<b>");
        append_repeated(&text, floods[i].repeat, floods[i].times);
        expect(*state, &parser_limits_after_auth, false, text.data, text.length, text.length, 1,
               "H !policy-violation", floods[i].repeat);
        expect(*state, &parser_limits_after_auth, true, text.data, text.length, 1, 1,
               "H !policy-violation", floods[i].repeat);
        buffer_fini(&text);
    }
}

/* X31: attributes are larger as a tree than on the wire. */
static void test_limit_of_tree_memory(void **state)
{
    struct buffer text = {0};

    buffer_append_text(&text, H "<m>");
    for (int i = 0; i < 2000; i++) {
        buffer_append_text(&text, "<a b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m=''"
                                  " n='' o='' p='' q='' r='' s=''/>");
    }
    buffer_append_text(&text, "</m>");
    assert_true(text.length < parser_limits_after_auth.element_bytes);
    expect(*state, &parser_limits_after_auth, false, text.data, text.length, text.length, 1,
           "H !policy-violation", "attributes");
    buffer_fini(&text);
}

/* What is passed on is written anew: whoever gets it must not find it too big. */
static void test_limit_of_written_bytes(void **state)
{
    static const struct {
        const char *before, *piece, *behind;
        size_t times;
    } rows[] = {
        {"<a>", ">", "</a>", 6000},
        {"<a b=\"", "'", "\"/>", 6000},
        {"<a xmlns:b='urn:long-long-long-long-long-long-long-long-long-long-long-long-long-long'>",
         "<b:c/>", "</a>", 300},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buffer text = {0};

        buffer_append_text(&text, H);
        buffer_append_text(&text, rows[i].before);
        append_repeated(&text, rows[i].piece, rows[i].times);
        buffer_append_text(&text, rows[i].behind);
        expect(*state, &many, false, text.data, text.length, text.length, 1,
               "H !policy-violation+too-big", rows[i].piece);
        buffer_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limit_of_element_bytes),
        cmocka_unit_test(test_limit_of_header_bytes),
        cmocka_unit_test(test_endless_tokens),
        cmocka_unit_test(test_far_beyond),
        cmocka_unit_test(test_limit_of_tree_memory),
        cmocka_unit_test(test_limit_of_written_bytes),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
