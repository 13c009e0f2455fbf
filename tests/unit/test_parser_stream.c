/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the stream parser over the life of a stream: its header, contexts that come and go,
 * pauses, restarts, the bytes of elements, memory.
 */
#include <malloc.h>

#include "common/xmpp/parser_context.h"
#include "tests/unit/parser_record.h"

static void test_header_is_delivered(void **state)
{
    static const struct {
        const char *bytes;
        const char *header;
        const char *content_ns;
        bool foreign;
    } headers[] = {
        {HEADER, "<stream:stream to='h.test' version='1.0'/>", NS_CLIENT, false},
        {"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xml:lang='de' "
         "id='a&amp;b'>",
         "<stream:stream xml:lang='de' id='a&amp;b'/>", NULL, false},
        {"<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' "
         "xmlns:stream='http://etherx.jabber.org/streams'>",
         "<stream:stream/>", NS_SERVER, true},
        {"<stream xmlns='http://etherx.jabber.org/streams'>", "<stream:stream/>", NS_STREAM, false},
        {"<s:stream xmlns:s='http://etherx.jabber.org/streams'>", "<stream:stream/>", NULL, true},
        {"<stream:stream xmlns:stream='urn:x'>", "<stream xmlns='urn:x'/>", NULL, true},
        {"<message>", "<message/>", NULL, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        struct record record;
        begin(&record, *state, &parser_limits_before_auth, false);
        assert_int_equal(feed_text(&record, headers[i].bytes), 0);
        assert_string_equal(record.header.data, headers[i].header);
        assert_int_equal(record.foreign, headers[i].foreign);
        end(&record);
    }
}

static void check_content_ns(void *user, const struct element *header, bool foreign)
{
    (void)user;
    (void)foreign;
    assert_string_equal(element_get(header, "xmlns"), NS_COMPONENT);
}

static void test_default_namespace_is_an_attribute_of_the_header(void **state)
{
    const struct parser_ops only_header = {check_content_ns, on_element, on_footer};
    struct parser *parser =
        parser_new(*state, &parser_limits_before_auth, false, &only_header, NULL);
    const char header[] = "<stream:stream xmlns='jabber:component:accept' "
                          "xmlns:stream='http://etherx.jabber.org/streams'>";

    assert_int_equal(parser_feed(parser, header, strlen(header)), 0);
    parser_free(parser);
}

static void test_context_is_held_only_inside_elements(void **state)
{
    struct record record;

    begin(&record, *state, &parser_limits_after_auth, false);
    assert_int_equal(feed_text(&record, "  "), 0);
    assert_false(parser_holds_context(record.parser));
    assert_int_equal(feed_text(&record, H), 0);
    assert_false(parser_holds_context(record.parser));
    assert_int_equal(feed_text(&record, "<message"), 0);
    assert_false(parser_holds_context(record.parser));
    assert_int_equal(feed_text(&record, ">"), 0);
    assert_true(parser_holds_context(record.parser));
    assert_int_equal(parser_pool_lent(*state), 1);
    assert_int_equal(feed_text(&record, "</message>"), 0);
    assert_false(parser_holds_context(record.parser));
    assert_int_equal(feed_text(&record, " \n "), 0);
    assert_false(parser_holds_context(record.parser));
    assert_int_equal(feed_text(&record, "<a/>\n<b>"), 0);
    assert_true(parser_holds_context(record.parser));
    parser_reset(record.parser);
    assert_false(parser_holds_context(record.parser));
    assert_int_equal(parser_pool_lent(*state), 0);
    end(&record);
}

/* What opens millions of elements does not pay for a new context with each. */
static void test_usual_headers(void **state)
{
    static const char *const contents[] = {NS_CLIENT, NS_COMPONENT, NS_SERVER, NS_LINK};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
        char *header =
            xasprintf("<stream:stream xmlns='%s' xmlns:stream='" NS_STREAM "'>", contents[i]);
        assert_int_not_equal(parser_pool_kind(header), PARSER_OWN_KIND);
        free(header);
    }
    assert_int_equal(parser_pool_kind("<stream:stream xmlns='x'>"), PARSER_OWN_KIND);
}

/* Two streams take turns in the middle of elements; each sees its own. */
static void test_streams_do_not_mix(void **state)
{
    static const char client[] = H "<a b='1'>x<c/></a><d/>";
    static const char other[] =
        "<x:stream xmlns:x='http://etherx.jabber.org/streams' xmlns:p='urn:p' xmlns='urn:d'>"
        "<p:a p:b='1'><c/></p:a><d/>";
    struct record one, two;
    size_t length = MAX(strlen(client), strlen(other));

    begin(&one, *state, &parser_limits_after_auth, false);
    begin(&two, *state, &parser_limits_after_auth, false);
    for (size_t i = 0; i < length; i++) {
        if (i < strlen(client)) {
            assert_int_equal(feed(&one, client + i, 1), 0);
        }
        if (i < strlen(other)) {
            assert_int_equal(feed(&two, other + i, 1), 0);
        }
    }
    assert_string_equal(one.line.data, "H E<a b='1'>x<c/></a> E<d/>");
    assert_string_equal(two.line.data,
                        "H E<a xmlns='urn:p' xmlns:a1='urn:p' a1:b='1'><c xmlns='urn:d'/></a> "
                        "E<d xmlns='urn:d'/>");
    end(&one);
    end(&two);
}

/* What a stream leaves open or breaks does not reach the next one that gets a context. */
static void test_failed_context_is_not_used_again(void **state)
{
    struct record record;

    begin(&record, *state, &parser_limits_after_auth, false);
    assert_int_equal(feed_text(&record, H "<a><p:b xmlns:p='urn:p'>"), 0);
    parser_reset(record.parser);
    assert_int_equal(feed_text(&record, H "<c/>"), 0);
    assert_int_equal(feed_text(&record, "<p:d/>"), ERR_MALFORMED);
    assert_int_equal(feed_text(&record, "<e/>"), ERR_MALFORMED);
    parser_reset(record.parser);
    assert_int_equal(feed_text(&record, H "<f/>"), 0);
    assert_string_equal(record.line.data, "H H E<c/> !not-well-formed !not-well-formed H E<f/>");
    end(&record);
}

/* A restart (RFC 6120 §4.3.3) may begin with a declaration, and may have another header. */
static void test_reset(void **state)
{
    struct record record;

    begin(&record, *state, &parser_limits_after_auth, false);
    assert_int_equal(feed_text(&record, "\xEF\xBB\xBF" H "<auth/><a"), 0);
    parser_reset(record.parser);
    assert_int_equal(feed_text(&record, "\n" H "<iq/></stream:stream>"), 0);
    parser_reset(record.parser);
    assert_int_equal(feed_text(&record, "<s:stream xmlns:s='urn:s'><s:x/>"), 0);
    parser_reset(record.parser);
    assert_int_equal(feed_text(&record, H "<b/>"), 0);
    assert_string_equal(record.line.data, "H E<auth/> H E<iq/> F H E<x xmlns='urn:s'/> H E<b/>");
    end(&record);
}

static void test_stop_pauses_behind_an_element(void **state)
{
    static const char text[] = H "<a/> <b/><c>";
    struct record record;
    size_t length;

    begin(&record, *state, &parser_limits_after_auth, false);
    record.stop_at_elements = true;
    assert_int_equal(parser_feed(record.parser, text, strlen(text)), 0);
    const char *rest = parser_rest(record.parser, &length);
    assert_int_equal(length, strlen(" <b/><c>"));
    assert_memory_equal(rest, " <b/><c>", length);
    assert_false(parser_holds_context(record.parser));

    assert_int_equal(parser_feed(record.parser, rest, length), 0);
    rest = parser_rest(record.parser, &length);
    assert_int_equal(length, strlen("<c>"));
    assert_int_equal(parser_feed(record.parser, rest, length), 0);
    parser_rest(record.parser, &length);
    assert_int_equal(length, 0);
    assert_string_equal(record.line.data, "H E<a/> E<b/>");
    end(&record);
}

static void rest_in_callback(void *user, struct element *root, const char *bytes, size_t length)
{
    struct record *record = user;
    size_t rest_length;
    const char *rest = parser_rest(record->parser, &rest_length);

    (void)bytes;
    (void)length;
    buffer_append(&record->line, rest, rest_length);
    arena_free(root->arena);
}

/* For <starttls/>: whether anything came behind it (RFC 6120 §5.4.3.3). */
static void test_rest_is_known_in_the_callback(void **state)
{
    const struct parser_ops with_rest = {on_header, rest_in_callback, on_footer};
    struct record record = {0};
    static const char text[] = H "<starttls/><auth";

    record.parser = parser_new(*state, &parser_limits_before_auth, false, &with_rest, &record);
    assert_int_equal(parser_feed(record.parser, text, strlen(text)), 0);
    assert_string_equal(record.line.data, "H<auth");
    end(&record);
}

static void set_limits_in_callback(void *user, struct element *root, const char *bytes,
                                   size_t length)
{
    struct record *record = user;

    on_element(user, root, bytes, length);
    parser_set_limits(record->parser, &parser_limits_after_auth);
}

static void test_limits_change_between_elements(void **state)
{
    const struct parser_ops changing = {on_header, set_limits_in_callback, on_footer};
    struct parser_limits shallow = parser_limits_after_auth;
    struct record record = {0};

    shallow.depth = 4;
    record.parser = parser_new(*state, &shallow, false, &changing, &record);
    assert_int_equal(feed_text(&record, H "<a/><b><c><d><e><f/></e></d></c></b>"), 0);
    assert_string_equal(record.line.data, "H E<a/> E<b><c><d><e><f/></e></d></c></b>");
    end(&record);
}

/* The very bytes, prefixes, references and all. */
static void test_bytes_are_kept(void **state)
{
    static const char text[] = H
        "<a  b = \"1\" ><![CDATA[<]]></a > \n<s:b xmlns:s='urn:s'>&#x41;\xC3\xA4</s:b><c /><d></d>";
    static const char expected[] = "H E<a  b = \"1\" ><![CDATA[<]]></a > "
                                   "E<s:b xmlns:s='urn:s'>&#x41;\xC3\xA4</s:b> E<c /> E<d></d>";

    for (size_t first = 1; first < sizeof(text); first++) {
        expect(*state, &parser_limits_after_auth, true, text, strlen(text), first, strlen(text),
               expected, "two pieces");
        expect(*state, &parser_limits_after_auth, true, text, strlen(text), first, 3, expected,
               "many pieces");
    }
}

/* X34, X35: new names for ever. Contexts are replaced between elements even if no piece of input
 * ends there. */
static void test_names_do_not_pile_up(void **state)
{
    struct record record;
    struct buffer text = {0};
    char *kept = NULL;

    begin(&record, *state, &parser_limits_after_auth, false);
    buffer_append_text(&text, H);
    for (int i = 0; i < 20000; i++) {
        buffer_printf(&text, "<m><x%d y%d='1'/><z xmlns='urn:u%d'/></m>", i, i, i);
    }
    size_t before = mallinfo2().uordblks;
    for (size_t at = 0; at < text.length; at += 1000) {
        assert_int_equal(feed(&record, text.data + at, MIN(1000, text.length - at)), 0);
        free(kept);
        kept = buffer_take(&record.line);
    }
    assert_true(mallinfo2().uordblks < before + 512 * 1024);
    free(kept);
    buffer_fini(&text);
    end(&record);
}

/* X37. */
static void test_white_space_costs_nothing(void **state)
{
    struct record record;
    struct buffer text = {0};

    append_repeated(&text, " \n\t\r", 1024);
    begin(&record, *state, &parser_limits_after_auth, true);
    assert_int_equal(feed_text(&record, H), 0);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 256; i++) {
        assert_int_equal(parser_feed(record.parser, text.data, text.length), 0);
    }
    assert_int_equal(mallinfo2().uordblks, before);
    assert_false(parser_holds_context(record.parser));
    assert_int_equal(feed_text(&record, "<a/>"), 0);
    assert_string_equal(record.line.data, "H E<a/>");
    buffer_fini(&text);
    end(&record);
}

/* A stanza that is being written slowly must not cost more per byte the longer it is: the bytes go
 * to libxml2 tag by tag. Nothing is timed; quadratic work would take minutes here. */
static void test_long_text_byte_by_byte(void **state)
{
    struct buffer text = {0};
    struct buffer line = {0};

    buffer_append_text(&line, "<a b='");
    append_repeated(&line, "v", 100000);
    buffer_append_text(&line, "'>");
    append_repeated(&line, "\xC3\xA4", 50000);
    buffer_append_text(&line, "</a>");
    buffer_append_text(&text, H);
    buffer_append(&text, line.data, line.length);
    char *expected = xasprintf("H E%s", line.data);
    expect(*state, &parser_limits_after_auth, false, text.data, text.length, 1, 1, expected,
           "slow");
    free(expected);
    buffer_fini(&text);
    buffer_fini(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_is_delivered),
        cmocka_unit_test(test_default_namespace_is_an_attribute_of_the_header),
        cmocka_unit_test(test_context_is_held_only_inside_elements),
        cmocka_unit_test(test_usual_headers),
        cmocka_unit_test(test_streams_do_not_mix),
        cmocka_unit_test(test_failed_context_is_not_used_again),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_stop_pauses_behind_an_element),
        cmocka_unit_test(test_rest_is_known_in_the_callback),
        cmocka_unit_test(test_limits_change_between_elements),
        cmocka_unit_test(test_bytes_are_kept),
        cmocka_unit_test(test_names_do_not_pile_up),
        cmocka_unit_test(test_white_space_costs_nothing),
        cmocka_unit_test(test_long_text_byte_by_byte),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
