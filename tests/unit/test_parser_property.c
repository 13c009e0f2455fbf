/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Properties of parser and writer over many random trees and broken stanzas:
 *   - what is written and read again is the same tree and, written again, the same text;
 *   - the parser hands out the very bytes of each element, however the stream is cut;
 *   - of whatever the parser accepts, expat reads the same tree as libxml2 did, and exactly one
 *     element, both out of what we write (c2s) and out of the bytes as they came (router). Two
 *     parsers that disagree are a way to smuggle stanzas (CVE-2022-22784, CVE-2022-25236).
 * The seed is fixed; a failure names the number of the case.
 */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/xmpp/parser.h"
#include "tests/unit/expat_dump.h"

#define TREES     4000
#define MUTATIONS 20000

/* xorshift64* */
static uint64_t random_state;

static size_t random_below(size_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (size_t)((random_state * 0x2545F4914F6CDD1DULL) >> 33) % limit;
}

/* At most `max`, at least 1 unless that is beyond `available`. */
static size_t random_up_to(size_t available, size_t max)
{
    size_t number = 1 + random_below(max);

    return MIN(number, available);
}

#define PICK(array) ((array)[random_below(ARRAY_SIZE(array))])

/* What our parser delivers: of each element the bytes, the tree as a dump and as text. */
struct delivered {
    char *bytes;
    char *dump;
    char *text;
    struct delivered *next;
};

struct reader {
    struct delivered *first;
    struct delivered **last;
};

static void on_header(void *user, const struct element *header, bool foreign)
{
    (void)user;
    (void)header;
    assert_false(foreign);
}

static void on_element(void *user, struct element *root, const char *bytes, size_t length)
{
    struct reader *reader = user;
    struct delivered *one = xcalloc(1, sizeof(*one));
    struct buffer dumped = {0}, written = {0};

    dump(&dumped, root);
    element_write(&written, root, NS_CLIENT);
    *one = (struct delivered){xstrndup(bytes, length), buffer_take(&dumped), buffer_take(&written),
                              NULL};
    assert_int_equal(strlen(one->bytes), length);
    *reader->last = one;
    reader->last = &one->next;
    arena_free(root->arena);
}

static void on_footer(void *user)
{
    (void)user;
}

/* All that is accepted of a stream with these bytes behind the header, cut at random. */
static struct delivered *read_all(struct parser_pool *pool, const char *bytes, size_t length,
                                  size_t piece_max, int *error)
{
    static const struct parser_ops ops = {on_header, on_element, on_footer};
    struct reader reader = {NULL, &reader.first};
    struct parser *parser = parser_new(pool, &parser_limits_after_auth, true, &ops, &reader);

    *error = parser_feed(parser, HEADER, strlen(HEADER));
    while (!*error && length > 0) {
        size_t piece = random_up_to(length, piece_max);
        *error = parser_feed(parser, bytes, piece);
        bytes += piece;
        length -= piece;
    }
    parser_free(parser);
    assert_int_equal(parser_pool_lent(pool), 0);
    return reader.first;
}

static struct delivered *release_first(struct delivered *one)
{
    struct delivered *next = one->next;

    free(one->bytes);
    free(one->dump);
    free(one->text);
    free(one);
    return next;
}

static const char *const namespaces[] = {NS_CLIENT, NS_CLIENT, NS_CLIENT, "urn:x", "urn:y&'",
                                         "",        NS_SERVER, NS_STREAM, NS_XML};
static const char *const attribute_namespaces[] = {"urn:x", "urn:z", NS_XML, NS_STREAM, NS_CLIENT};
static const char *const names[] = {"message", "body", "a", "x-1", "\xC3\xA4", "b.c_d"};
static const char *const texts[] = {"text",
                                    "&<>'\"",
                                    "]]>",
                                    "\t\n\r\n",
                                    " ",
                                    "\xF0\x9F\x98\x80",
                                    "\xC3\xA4\xE2\x82\xAC",
                                    "&amp;",
                                    "<![CDATA[",
                                    "&#38;",
                                    "a > b",
                                    "\xEF\xBF\xBD",
                                    "</message>",
                                    "' a='",
                                    "\x7F",
                                    "\xC2\x85",
                                    "\xE2\x80\xA8"};

static void add_random_text(struct buffer *text)
{
    for (size_t count = random_below(4) + 1; count > 0; count--) {
        buffer_append_text(text, PICK(texts));
    }
    if (random_below(50) == 0) {
        for (size_t count = random_below(600); count > 0; count--) {
            buffer_append_text(text, "long \xC3\xA4 ");
        }
    }
}

static void add_random_attributes(struct element *element)
{
    for (size_t count = random_below(4); count > 0; count--) {
        struct buffer value = {0};
        add_random_text(&value);
        if (random_below(3) == 0) {
            element_set_ns(element, PICK(attribute_namespaces), PICK(names), value.data);
        } else {
            element_set(element, PICK(names), value.data);
        }
        buffer_fini(&value);
    }
}

static struct element *random_tree(struct arena *arena)
{
    struct element *root = element_new(arena, PICK(namespaces), PICK(names));
    struct element *open = root;

    add_random_attributes(root);
    for (size_t steps = random_below(20); steps > 0; steps--) {
        size_t step = random_below(4);
        if (step == 0) {
            struct buffer text = {0};
            add_random_text(&text);
            element_add_text(open, text.data);
            buffer_fini(&text);
        } else if (step == 1 && open != root) {
            open = open->parent;
        } else {
            open = element_add(open, PICK(namespaces), PICK(names));
            add_random_attributes(open);
        }
    }
    return root;
}

static void check_tree(struct parser_pool *pool, const struct element *tree, size_t number)
{
    struct buffer written = {0}, dumped = {0};
    int error;

    element_write(&written, tree, NS_CLIENT);
    dump(&dumped, tree);
    size_t piece_max = random_below(2) == 0 ? written.length : 8;
    struct delivered *one = read_all(pool, written.data, written.length, piece_max, &error);
    if (error || !one || one->next) {
        fail_msg("case %zu: not one element: %s", number, written.data);
    }
    assert_string_equal(one->bytes, written.data);
    assert_string_equal(one->text, written.data);
    assert_string_equal(one->dump, dumped.data);
    expect_expat(written.data, written.length, dumped.data, number);
    release_first(one);
    buffer_fini(&written);
    buffer_fini(&dumped);
}

static void test_trees_survive(void **state)
{
    random_state = 1;
    for (size_t number = 0; number < TREES; number++) {
        struct arena *arena = arena_new();
        check_tree(*state, random_tree(arena), number);
        arena_free(arena);
    }
}

/* Forms our writer never makes, which others may. */
static const char *const originals[] = {
    "<message to='a@b' type=\"chat\"><body>Hi &amp; &lt;you&gt; &#x1F600;</body></message>",
    "<message><body><![CDATA[</body><message/>]]>x]]&gt;</body><active xmlns='urn:c'/></message>",
    "<p:iq xmlns:p='jabber:client' id='1'><q xmlns='urn:q' p:a='1' xml:lang='en'/></p:iq>",
    "<presence\n xmlns:a='urn:a' xmlns:b='urn:b' a:x='1' "
    "b:x='2'\t><a:c/><b:c><a:d/></b:c></presence >",
    "<message xmlns=''><body xmlns='jabber:client'>\r\n\xC3\xA4\xE2\x82\xAC</body></message>",
    "<stream:features><a xmlns='urn:a' b='x&#10;y&#9;z &quot;&apos;'/></stream:features>",
};

static const char *const tokens[] = {
    "<",
    ">",
    "&",
    "'",
    "\"",
    "/",
    "=",
    ":",
    ";",
    " ",
    "\n",
    "\r",
    "\t",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<?",
    "?>",
    "&lt;",
    "&#",
    "&#x41;",
    "&#60;",
    "&#38;",
    "&amp;#38;",
    "&bogus;",
    "xmlns=",
    "xmlns:p='u'",
    " xmlns=''",
    "p:",
    "a:",
    "xml:",
    "stream:",
    "xmlns:",
    " a='1'",
    " b:x=''",
    "<a>",
    "</a>",
    "<a/>",
    "</message>",
    "<message>",
    "<!DOCTYPE a>",
    "\x01",
    "\xC3",
    "\xA4",
    "\xC3\xA4",
    "\xEF\xBB\xBF",
    "\xEF\xBF\xBE",
    "\xED\xA0\x80",
    "\xF0\x90\x80\x80",
    "\xCD\xB0",
    "\xCC\x80",
    "\xC2\xB7",
    "\xE2\x80\xBF",
    "\xC2\x85",
    "\xE2\x80\xA8",
    "}",
    "|",
    "{",
    "\xF3\xA0\x80\x81",
};

/* Anywhere, or behind a tag or a quote, where more is allowed. */
static size_t random_place(const struct buffer *text)
{
    static const char *const behind[] = {">", ">", "\"'"};
    size_t at = random_below(text->length + 1);

    if (random_below(4) > 0) {
        at += strcspn(text->data + at, PICK(behind)) + 1;
    }
    return MIN(at, text->length);
}

static void mutate(struct buffer *text)
{
    size_t at = random_place(text);
    size_t rest = text->length - at;
    size_t cut = random_below(3) == 0 ? random_up_to(rest, 8) : 0;
    char *tail = xstrndup(text->data + at + cut, rest - cut);

    text->length = at;
    text->data[at] = '\0';
    if (random_below(6) > 0) {
        buffer_append_text(text, PICK(tokens));
    } else if (at > 0) {
        /* Something from elsewhere in the stanza. */
        size_t from = random_below(at);
        char *piece = xstrndup(text->data + from, random_up_to(at - from, 30));
        buffer_append_text(text, piece);
        free(piece);
    }
    buffer_append(text, tail, rest - cut);
    free(tail);
}

/* The number of elements accepted. */
static size_t check_mutation(struct parser_pool *pool, const struct buffer *text, size_t number)
{
    size_t count = 0;
    int error, same_error;
    struct delivered *one = read_all(pool, text->data, text->length, text->length, &error);
    struct delivered *same = read_all(pool, text->data, text->length, 4, &same_error);

    if (error != same_error) {
        fail_msg("case %zu: %d in one piece, %d in small ones: %s", number, error, same_error,
                 text->data);
    }
    for (; one; one = release_first(one), same = release_first(same), count++) {
        assert_non_null(same);
        assert_string_equal(same->bytes, one->bytes);
        assert_string_equal(same->dump, one->dump);
        expect_expat(one->bytes, strlen(one->bytes), one->dump, number);
        expect_expat(one->text, strlen(one->text), one->dump, number);
        int again_error;
        struct delivered *again =
            read_all(pool, one->text, strlen(one->text), strlen(one->text), &again_error);
        assert_int_equal(again_error, 0);
        assert_non_null(again);
        assert_string_equal(again->dump, one->dump);
        assert_string_equal(again->text, one->text);
        assert_null(release_first(again));
    }
    assert_null(same);
    return count;
}

static void test_what_is_accepted_is_unambiguous(void **state)
{
    size_t accepted = 0;

    random_state = 2;
    for (size_t number = 0; number < MUTATIONS; number++) {
        struct buffer text = {0};
        buffer_append_text(&text, PICK(originals));
        for (size_t count = random_below(3) + 1; count > 0; count--) {
            mutate(&text);
        }
        accepted += check_mutation(*state, &text, number);
        buffer_fini(&text);
    }
    /* Else the mutations are too wild to say anything. */
    assert_true(accepted > MUTATIONS / 5);
}

static int set_up(void **state)
{
    *state = parser_pool_new();
    return 0;
}

static int tear_down(void **state)
{
    parser_pool_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees_survive),
        cmocka_unit_test(test_what_is_accepted_is_unambiguous),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
