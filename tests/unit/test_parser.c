/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the stream parser: what it accepts, and how it refuses the rest. Each input is fed
 * whole, byte by byte and cut in two at every boundary, and the outcome has to be the same.
 */
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/parser_record.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_prints_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
