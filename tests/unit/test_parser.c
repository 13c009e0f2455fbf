/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the stream parser. What the parser reports is written down as one line, e.g.
 * "H E<presence/> F" or "H !not-well-formed"; each input is fed whole, byte by byte and cut in two
 * at every boundary, and the line has to be the same.
 */
#include "common/xmpp/parser.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "tests/unit/unit.h"

#define DECLARATION "<?xml version='1.0'?>"
#define HEADER                                                                                     \
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "        \
    "to='h.test' version='1.0'>"
#define H DECLARATION HEADER

struct record {
    struct parser *parser;
    struct buffer line;
    struct buffer header;
    bool foreign;
    bool stop_at_elements;
};

static void separate(struct record *record)
{
    if (record->line.length > 0) {
        buffer_append_char(&record->line, ' ');
    }
}

static void on_header(void *user, const struct element *header, bool foreign)
{
    struct record *record = user;

    separate(record);
    buffer_append_char(&record->line, 'H');
    element_write(&record->header, header, "");
    record->foreign = foreign;
}

static void on_element(void *user, struct element *root, const char *bytes, size_t length)
{
    struct record *record = user;

    separate(record);
    buffer_append_char(&record->line, 'E');
    if (bytes) {
        buffer_append(&record->line, bytes, length);
    } else {
        element_write(&record->line, root, NS_CLIENT);
    }
    arena_free(root->arena);
    if (record->stop_at_elements) {
        parser_stop(record->parser);
    }
}

static void on_footer(void *user)
{
    struct record *record = user;

    separate(record);
    buffer_append_char(&record->line, 'F');
}

static const struct parser_ops ops = {on_header, on_element, on_footer};

static void begin(struct record *record, struct parser_pool *pool,
                  const struct parser_limits *limits, bool keep_bytes)
{
    *record = (struct record){0};
    record->parser = parser_new(pool, limits, keep_bytes, &ops, record);
    buffer_append_text(&record->line, "");
}

static int feed(struct record *record, const char *bytes, size_t length)
{
    /* In a block of exactly this size, so that sanitizers see who reads beyond it. */
    char *copy = xmalloc(length + (length == 0));
    memcpy(copy, bytes, length);
    int error = parser_feed(record->parser, copy, length);
    free(copy);

    if (error) {
        const struct parser_error *failure = parser_error(record->parser);
        assert_int_equal(error, ERR_MALFORMED);
        separate(record);
        buffer_printf(&record->line, "!%s%s", stream_condition_name(failure->condition),
                      failure->too_big ? "+too-big" : "");
    }
    return error;
}

static int feed_text(struct record *record, const char *text)
{
    return feed(record, text, strlen(text));
}

static void end(struct record *record)
{
    parser_free(record->parser);
    buffer_fini(&record->line);
    buffer_fini(&record->header);
}

/* In pieces of `step` bytes, the first one of `first`; the line is the caller's. */
static char *read_in_pieces(struct parser_pool *pool, const struct parser_limits *limits,
                            bool keep_bytes, const char *bytes, size_t length, size_t first,
                            size_t step)
{
    struct record record;
    size_t piece = MIN(first, length);

    begin(&record, pool, limits, keep_bytes);
    for (size_t at = 0; at < length; at += piece, piece = MIN(step, length - at)) {
        if (feed(&record, bytes + at, piece)) {
            break;
        }
    }
    char *line = buffer_take(&record.line);
    end(&record);
    assert_int_equal(parser_pool_lent(pool), 0);
    return line;
}

static void expect(struct parser_pool *pool, const struct parser_limits *limits, bool keep_bytes,
                   const char *bytes, size_t length, size_t first, size_t step,
                   const char *expected, const char *name)
{
    char *line = read_in_pieces(pool, limits, keep_bytes, bytes, length, first, step);

    if (strcmp(line, expected) != 0) {
        fail_msg("%s, first %zu, then %zu bytes:\n got      %.400s\n expected %.400s", name, first,
                 step, line, expected);
    }
    free(line);
}

static void expect_everywhere(struct parser_pool *pool, const struct parser_limits *limits,
                              const char *bytes, size_t length, const char *expected,
                              const char *name)
{
    expect(pool, limits, false, bytes, length, length, 1, expected, name);
    expect(pool, limits, false, bytes, length, 1, 1, expected, name);
    for (size_t first = 1; first < length; first++) {
        expect(pool, limits, false, bytes, length, first, length, expected, name);
    }
}

struct row {
    const char *name;
    const char *bytes;
    size_t length;
    const char *expected;
};
#define ROW(name, bytes, expected)                                                                 \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, expected                                                   \
    }

#define NWF        " !not-well-formed"
#define RESTRICTED " !restricted-xml"
#define BODY(text) H "<message><body>" text "</body></message>"

static const struct row rows[] = {
    ROW("nothing", "", ""),
    ROW("header", H, "H"),
    ROW("header without declaration", HEADER, "H"),
    ROW("white space in front", " \r\n\t" H, "H"),
    ROW("declaration in full",
        "<?xml version=\"1.0\" encoding = 'utf-8' standalone='no' ?>\n" HEADER, "H"),
    ROW("standalone", "<?xml version='1.0' standalone='yes'?>" HEADER, "H"),
    ROW("byte order mark", "\xEF\xBB\xBF" H, "H"),
    ROW("byte order mark, no declaration", "\xEF\xBB\xBF" HEADER, "H"),
    ROW("header and footer", H "</stream:stream>", "H F"),
    ROW("empty stream", "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>", "H F"),
    ROW("X39 behind the footer", H "</stream:stream><message/>text\0\xFF<", "H F"),
    ROW("stanzas", H "<presence/> <iq id='1'><a xmlns='urn:a'/></iq>\n",
        "H E<presence/> E<iq id='1'><a xmlns='urn:a'/></iq>"),
    ROW("white space", H " \n\t\r <presence/>  \n ", "H E<presence/>"),
    ROW("markers in values", H "<a b='>' c='/' d=\"/>'\" /><b>a>b/></b>",
        "H E<a b='&gt;' c='/' d='/&gt;&apos;'/> E<b>a&gt;b/&gt;</b>"),
    ROW("end tag with space", H "<a></a >", "H E<a/>"),
    ROW("prefixes", H "<p:a xmlns:p='urn:p' p:b='1' xml:lang='en'><p:c/><d/></p:a>",
        "H E<a xmlns='urn:p' xmlns:a1='urn:p' a1:b='1' xml:lang='en'><c/>"
        "<d xmlns='jabber:client'/></a>"),
    ROW("in the stream namespace", H "<stream:features><a/></stream:features>",
        "H E<stream:features><a/></stream:features>"),
    ROW("no namespace", H "<a xmlns=''><b/></a>", "H E<a xmlns=''><b/></a>"),

    ROW("X1 DTD", DECLARATION "<!DOCTYPE s [<!ENTITY a 'b'>]>" HEADER, "!restricted-xml"),
    ROW("X1 DTD in the stream", H "<!DOCTYPE s>", "H" NWF),
    ROW("X2 billion laughs",
        DECLARATION "<!DOCTYPE s [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>"
                    "<!ENTITY c '&b;&b;&b;&b;'>]>" HEADER "<a b='&c;'>&c;</a>",
        "!restricted-xml"),
    ROW("X3 external DTD", "<!DOCTYPE s SYSTEM 'file:///etc/passwd'>" HEADER, "!restricted-xml"),
    ROW("X5 comment", H "<!-- c -->", "H" RESTRICTED),
    ROW("X5 comment in a stanza", H "<a>x<!-- > --></a>", "H" RESTRICTED),
    ROW("X5 comment in front", DECLARATION "<!-- c -->" HEADER, "!restricted-xml"),
    ROW("X6 processing instruction", H "<?foo bar?>", "H" RESTRICTED),
    ROW("X6 in a stanza", H "<a><?foo bar?></a>", "H" RESTRICTED),
    ROW("X6 in front", "<?xml-style a='b'?>" HEADER, "!restricted-xml"),
    ROW("X7 declaration in the stream", H DECLARATION, "H" NWF),
    ROW("X7 second declaration", DECLARATION DECLARATION HEADER, "!not-well-formed"),
    ROW("X8 entity", BODY("&foo;"), "H" RESTRICTED),
    ROW("X8 entity in an attribute", H "<a b='&foo;'/>", "H" RESTRICTED),
    ROW("X9 references", BODY("&lt;&#65;&#x1F600;&amp;&gt;&quot;&apos;"),
        "H E<message><body>&lt;A\xF0\x9F\x98\x80&amp;&gt;\"'</body></message>"),
    ROW("X9 references in an attribute",
        H "<a b='&lt;&#65;&#x1F600;&amp;&gt;&quot;&apos;&#38;&amp;amp;&amp;#38;&#9;&#xA;\t\n'/>",
        "H E<a b='&lt;A\xF0\x9F\x98\x80&amp;&gt;\"&apos;&amp;&amp;amp;&amp;#38;&#9;&#10;  '/>"),
    ROW("X10 NUL", BODY("&#0;"), "H" NWF),
    ROW("X10 FFFE", BODY("&#xFFFE;"), "H" NWF),
    ROW("X10 surrogate", BODY("&#xD800;"), "H" NWF),
    ROW("X10 beyond", BODY("&#x110000;"), "H" NWF),
    ROW("X10 in an attribute", H "<a b='&#1;'/>", "H" NWF),
    ROW("X11 in text", BODY("a\0b"), "H" NWF),
    ROW("X11 in a name", H "<a\0b/>", "H" NWF),
    ROW("X11 in an attribute", H "<a b='a\0b'/>", "H" NWF),
    ROW("X11 in CDATA", BODY("<![CDATA[a\0b]]>"), "H" NWF),
    ROW("X11 between stanzas", H "<a/>\0<b/>", "H E<a/>" NWF),
    ROW("X13 C0 80", BODY("\xC0\x80"), "H" NWF),
    ROW("X13 surrogate", BODY("\xED\xA0\x80"), "H" NWF),
    ROW("X13 F4 90", BODY("\xF4\x90\x80\x80"), "H" NWF),
    ROW("X13 F8", BODY("\xF8\x88\x80\x80\x80"), "H" NWF),
    ROW("X13 FF", BODY("\xFF"), "H" NWF),
    ROW("X13 cut short", BODY("\xE2\x82"), "H" NWF),
    ROW("X13 in a name", H "<a\xEB/>", "H" NWF),
    ROW("X13 FFFF", BODY("\xEF\xBF\xBF"), "H" NWF),
    ROW("X13 FFFE", BODY("\xEF\xBF\xBE"), "H" NWF),
    ROW("X13 at the end of an attribute", H "<a b='\xC3'/>", "H" NWF),
    ROW("X13 in CDATA", BODY("<![CDATA[\xC3]]>"), "H" NWF),
    ROW("X13 FFFE in CDATA", BODY("<![CDATA[\xEF\xBF\xBE]]>"), "H" NWF),
    ROW("X13 between stanzas", H "\xFF", "H" NWF),
    ROW("X14 Latin 1", "<?xml version='1.0' encoding='ISO-8859-1'?>" HEADER,
        "!unsupported-encoding"),
    ROW("X14 UTF-7", "<?xml version='1.0' encoding='UTF-7'?>" HEADER, "!unsupported-encoding"),
    ROW("X14 UTF-16", "<?xml version='1.0' encoding='UTF-16'?>" HEADER, "!unsupported-encoding"),
    ROW("X14 EBCDIC", "<?xml version='1.0' encoding='EBCDIC-CP-US'?>" HEADER,
        "!unsupported-encoding"),
    ROW("X14 nearly", "<?xml version='1.0' encoding='utf8x'?>" HEADER, "!unsupported-encoding"),
    ROW("X15 UTF-16 LE", "\xFF\xFE<\0s\0", "!unsupported-encoding"),
    ROW("X15 UTF-16 BE", "\xFE\xFF\0<\0s", "!unsupported-encoding"),
    ROW("X15 UTF-32 LE", "\xFF\xFE\0\0<\0\0\0", "!unsupported-encoding"),
    ROW("X15 UTF-32 BE", "\0\0\xFE\xFF\0\0\0<", "!unsupported-encoding"),
    ROW("X15 UTF-16 without mark", "<\0s\0", "!unsupported-encoding"),
    ROW("X15 half a mark", "\xEF\xBB<", "!not-well-formed"),
    ROW("X15 mark in the stream", H "<a/>\xEF\xBB\xBF<b/>", "H E<a/> !bad-format"),
    ROW("X16 XML 1.1", "<?xml version='1.1'?>" HEADER, "!not-well-formed"),
    ROW("X16 no version", "<?xml encoding='UTF-8'?>" HEADER, "!not-well-formed"),
    ROW("X16 wrong order", "<?xml version='1.0' standalone='no' encoding='UTF-8'?>" HEADER,
        "!not-well-formed"),
    ROW("X16 standalone", "<?xml version='1.0' standalone='maybe'?>" HEADER, "!not-well-formed"),
    ROW("X16 missing quote", "<?xml version='1.0?>" HEADER, "!not-well-formed"),
    ROW("X17 unbound prefix", H "<foo:message/>", "H" NWF),
    ROW("X17 of an attribute", H "<message foo:a='1'/>", "H" NWF),
    ROW("X17 in the header", "<stream:stream>", "!not-well-formed"),
    ROW("X18 duplicate attribute", H "<m a='1' a='2'/>", "H" NWF),
    ROW("X18 by two prefixes", H "<m xmlns:p='u' xmlns:q='u' p:a='1' q:a='2'/>", "H" NWF),
    ROW("X18 duplicate declaration", H "<m xmlns:p='u' xmlns:p='v'/>", "H" NWF),
    ROW("X19 empty", H "<m xmlns:a=''/>", "H" NWF),
    ROW("X19 xmlns", H "<m xmlns:xmlns='urn:a'/>", "H" NWF),
    ROW("X19 xml", H "<m xmlns:xml='foo'/>", "H" NWF),
    ROW("X19 other prefix for xml", H "<m xmlns:a='http://www.w3.org/XML/1998/namespace'/>",
        "H" NWF),
    ROW("X19 xml as default", H "<m xmlns='http://www.w3.org/XML/1998/namespace'/>", "H" NWF),
    ROW("X19 two colons", H "<a:b:c/>", "H" NWF),
    ROW("X19 ends with a colon", H "<a:/>", "H" NWF),
    ROW("X19 begins with a colon", H "<:a/>", "H" NWF),
    ROW("odd namespace URIs", H "<a xmlns='%'/><b xmlns='relative'/><c xmlns='urn:\xC3\xA4'/>",
        "H E<a xmlns='%'/> E<b xmlns='relative'/> E<c xmlns='urn:\xC3\xA4'/>"),
    ROW("ampersand in a namespace", H "<a xmlns='urn:&amp;&#38;amp;'/>",
        "H E<a xmlns='urn:&amp;&amp;amp;'/>"),
    ROW("ampersand in the header", "<s:s xmlns:s='urn:&amp;'><s:a/>", "H E<a xmlns='urn:&amp;'/>"),
    ROW("line ends", H "<a b='\r\n\r'>\r\n\r<![CDATA[\r\n\r\r\n]]></a>",
        "H E<a b='  '>\n\n\n\n\n</a>"),
    ROW("brace in a namespace", H "<a xmlns='urn:}'/>", "H !policy-violation"),
    ROW("line feed in a namespace", H "<a xmlns:p='urn:&#10;'/>", "H !policy-violation"),
    ROW("letters in names", H "<\xC3\xA4 \xE4\xB8\xAD='1'/>", "H E<\xC3\xA4 \xE4\xB8\xAD='1'/>"),
    ROW("name of the fifth edition", H "<\xF0\x90\x80\x80/>", "H" NWF),
    ROW("attribute of the fifth edition", H "<a b\xE2\x80\xBF='1'/>", "H" NWF),
    ROW("X26 CDATA", BODY("<![CDATA[</body></message><message from='admin@h.test'>]]>"),
        "H E<message><body>&lt;/body&gt;&lt;/message&gt;&lt;message from='admin@h.test'&gt;"
        "</body></message>"),
    ROW("X26 CDATA in pieces", BODY("a<![CDATA[]]]]]]>b<![CDATA[]]><![CDATA[>]]]>"),
        "H E<message><body>a]]]]b&gt;]</body></message>"),
    ROW("X26 CDATA outside", H "<![CDATA[ ]]>", "H !bad-format"),
    ROW("X26 nearly CDATA", H "<a><![cDATA[x]]></a>", "H" NWF),
    ROW("X27 < in an attribute", H "<message x='<", "H" NWF),
    ROW("X27 < in a tag", H "<message <", "H" NWF),
    ROW("X27 < in an end tag", H "<message></message<", "H" NWF),
    ROW("X28 ]]> in text", BODY("]]>"), "H" NWF),
    ROW("X28 bad quote", H "<a b=c/>", "H" NWF),
    ROW("X28 unmatched quote", H "<a b='c></a>", "H" NWF),
    ROW("X28 mismatched tag", H "<a><b></a></b>", "H" NWF),
    ROW("X28 ends what is not open", H "</a>", "H" NWF),
    ROW("X28 other footer", H "</stream>", "H" NWF),
    ROW("X28 no name", H "<>", "H" NWF),
    ROW("X28 slash in the middle", H "<a / b='c'>", "H" NWF),
    ROW("text outside", H "<a/>text", "H E<a/> !bad-format"),
    ROW("reference outside", H "<a/>&#32;", "H E<a/> !bad-format"),
    ROW("other letters outside", H "\xC3\xA4", "H !bad-format"),
    ROW("X38 HTTP", "GET / HTTP/1.1\r\n\r\n", "!not-well-formed"),
    ROW("X38 TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", "!not-well-formed"),
    ROW("X38 SSH", "SSH-2.0-OpenSSH_9.2p1\r\n", "!not-well-formed"),
    ROW("header's end first", "</stream:stream>", "!not-well-formed"),
    ROW("header with wrong quote", "<stream:stream a=b>", "!not-well-formed"),
};

static void test_every_row(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        expect_everywhere(*state, &parser_limits_after_auth, rows[i].bytes, rows[i].length,
                          rows[i].expected, rows[i].name);
    }
}

/* X12: the control characters, in four places. */
static void test_control_characters(void **state)
{
    static const char *const places[] = {BODY("%c"), H "<a b='%c'/>", H "<a%c/>",
                                         BODY("<![CDATA[%c]]>"), H "<a/>%c"};

    for (char c = 1; c < 0x20; c++) {
        if (c == '\t' || c == '\n' || c == '\r') {
            continue;
        }
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
            struct buffer text = {0};
            const char *mark = strchr(places[i], '%');
            buffer_append(&text, places[i], (size_t)(mark - places[i]));
            buffer_append_char(&text, c);
            buffer_append_text(&text, mark + 2);
            expect(*state, &parser_limits_after_auth, false, text.data, text.length, text.length, 1,
                   i + 1 < ARRAY_SIZE(places) ? "H" NWF : "H E<a/>" NWF, places[i]);
            buffer_fini(&text);
        }
    }
}

/* X40: all of it again with standard error in a file, which stays empty. */
static void test_prints_nothing(void **state)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);

    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        free(read_in_pieces(*state, &parser_limits_after_auth, false, rows[i].bytes, rows[i].length,
                            rows[i].length, 1));
    }
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(lseek(fileno(file), 0, SEEK_END), 0);
    fclose(file);
}

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

static void append_repeated(struct buffer *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        buffer_append_text(out, text);
    }
}

static const struct parser_limits small = {
    .header_bytes = 200,
    .element_bytes = 4096,
    .depth = 4,
    .elements = 6,
    .attributes = 3,
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
        ROW("namespaces", H "<a xmlns:b='b' xmlns:c='c'/>", "H E<a/>"),
        ROW("namespaces + 1", H "<a xmlns:b='b' xmlns:c='c' xmlns:d='d'/>", "H !policy-violation"),
        ROW("attributes of the header", "<a b='' c='' d='' e=''>", "!policy-violation"),
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
    struct record record = {0};

    record.parser = parser_new(*state, &small, false, &changing, &record);
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
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_prints_nothing),
        cmocka_unit_test(test_header_is_delivered),
        cmocka_unit_test(test_default_namespace_is_an_attribute_of_the_header),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limit_of_element_bytes),
        cmocka_unit_test(test_limit_of_header_bytes),
        cmocka_unit_test(test_endless_tokens),
        cmocka_unit_test(test_far_beyond),
        cmocka_unit_test(test_limit_of_tree_memory),
        cmocka_unit_test(test_context_is_held_only_inside_elements),
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
