/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accepting streams: headers, features, gates, errors. Each input is fed whole, byte by byte and
 * cut in two at every boundary, with the same result.
 */
#include "tests/unit/stream_end.h"

#define STREAMS "xmlns:stream='http://etherx.jabber.org/streams'"
#define OPEN    "<stream:stream xmlns='jabber:client' " STREAMS " to='h.test' version='1.0'>"
#define H       "<?xml version='1.0'?>" OPEN

/* What an acceptor answers. */
#define ANSWER                                                                                     \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' " STREAMS                           \
    " id='ID' from='h.test' version='1.0' xml:lang='en'>"
#define STARTTLS     "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define AUTH         "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>"
#define MECHANISMS   "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
#define BIND         "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
#define IQ           "<iq type='get' id='1'><q xmlns='q'/></iq>"
#define FEATURES(x)  "<stream:features>" x "</stream:features>"
#define CONDITION(x) "<" x " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
#define ERROR_END    "</stream:error></stream:stream>"
#define ERROR(x)     "<stream:error>" CONDITION(x) ERROR_END
#define TEXT(x)      "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>" x "</text>"
#define END          "</stream:stream>"

/* 199 bytes */
#define TEN  "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "012345678"

#define SECURE STREAM_SECURE
#define LOGGED (STREAM_SECURE | STREAM_AUTHENTICATED)
#define BOUND  (LOGGED | STREAM_BOUND)

struct row {
    unsigned flags;
    const char *in;
    const char *out;
    const char *events;
};

static struct end *start(unsigned flags)
{
    struct end *end = end_new(&acceptor_profile);
    for (unsigned flag = STREAM_SECURE; flag <= STREAM_BOUND; flag <<= 1) {
        if (flags & flag)
            stream_set_flag(end->stream, (enum stream_flag)flag);
    }
    if (flags & STREAM_AUTHENTICATED)
        stream_set_limits(end->stream, &parser_limits_after_auth);
    stream_open(end->stream, NULL, "h.test");
    return end;
}

static void check_row(const struct row *row, int cut)
{
    struct end *end = start(row->flags);
    end_feed(end, row->in, cut);
    assert_string_equal(end_sent(end), row->out);
    if (row->events)
        assert_string_equal(end_events(end), row->events);
    end_free(end);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int length = (int)strlen(rows[i].in);
        for (int cut = -1; cut < length; cut++)
            check_row(&rows[i], cut);
    }
}

#define HEADER_EVENT "header(to=h.test from=- lang=-) "

static void headers_are_answered(void **state)
{
    static const struct row rows[] = {
        {0, H, ANSWER FEATURES(STARTTLS), HEADER_EVENT},
        {SECURE, H, ANSWER FEATURES(MECHANISMS), HEADER_EVENT},
        {LOGGED, H, ANSWER FEATURES(BIND), HEADER_EVENT},
        {BOUND, H, ANSWER "<stream:features/>", HEADER_EVENT},
        {0,
         "<stream:stream from='a@h.test' xml:lang='de' version='1.7' to='h.test' "
         "xmlns='jabber:client' " STREAMS ">",
         "<?xml version='1.0'?><stream:stream xmlns='jabber:client' " STREAMS
         " id='ID' from='h.test' to='a@h.test' version='1.0' xml:lang='en'>" FEATURES(STARTTLS),
         "header(to=h.test from=a@h.test lang=de) "},
        {0,
         "<stream:stream xmlns='jabber:client' " STREAMS
         " xmlns:x='urn:x' version='12.034' from='a&amp;&apos;'>",
         "<?xml version='1.0'?><stream:stream xmlns='jabber:client' " STREAMS
         " id='ID' from='h.test' to='a&amp;&apos;' version='1.0' xml:lang='en'>" FEATURES(STARTTLS),
         "header(to=- from=a&' lang=- foreign) "},
    };
    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

/* RFC 6120 §4.9: a header, the error, the footer. */
static void bad_headers_are_refused(void **state)
{
    static const struct row rows[] = {
        {0, "<stream:stream xmlns='jabber:client' xmlns:stream='http://x' version='1.0'>",
         ANSWER ERROR("invalid-namespace"), ""},
        {0, "<stream xmlns='jabber:client' version='1.0'>", ANSWER ERROR("invalid-namespace"), ""},
        {0, "<stream:stream xmlns='jabber:server' " STREAMS " version='1.0'>",
         ANSWER ERROR("invalid-namespace"), ""},
        {0, "<stream:stream " STREAMS " version='1.0'>", ANSWER ERROR("invalid-namespace"), ""},
        {0, "<stream:streams xmlns='jabber:client' " STREAMS " version='1.0'>",
         ANSWER ERROR("bad-format"), ""},
        {0, "<stream:stream xmlns='jabber:client' " STREAMS ">",
         ANSWER ERROR("unsupported-version"), ""},
        {0, "<stream:stream xmlns='jabber:client' " STREAMS " version='0.9'>",
         ANSWER ERROR("unsupported-version"), ""},
        {0, "<stream:stream xmlns='jabber:client' " STREAMS " version=''>",
         ANSWER ERROR("unsupported-version"), ""},
        {0, "<stream:stream xmlns='jabber:client' " STREAMS " version='1'>",
         ANSWER ERROR("unsupported-version"), ""},
        {0, "<stream:stream xmlns='jabber:client' " STREAMS " version='00.1'>",
         ANSWER ERROR("unsupported-version"), ""},
        {0, "<stream:stream xmlns='jabber:client' " STREAMS " version='1.0a'>",
         ANSWER ERROR("unsupported-version"), ""},
        {0, "<stream:stream xmlns='jabber:client' " STREAMS " version='1.'>",
         ANSWER ERROR("unsupported-version"), ""},
        {0, "<stream:stream xmlns='jabber:client' " STREAMS " version='-1.0'>",
         ANSWER ERROR("unsupported-version"), ""},
    };
    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

/* What the parser refuses, before and after the header (RFC 6120 §11). */
static void xml_errors_end_the_stream(void **state)
{
    static const struct row rows[] = {
        {0, "<message/>", ANSWER ERROR("bad-format"), NULL},
        {0, "garbage<", ANSWER ERROR("not-well-formed"), "ended(not-well-formed) "},
        {0, "<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'b'>]>" OPEN,
         ANSWER ERROR("restricted-xml"), "ended(restricted-xml) "},
        {0, "<?xml version='1.0' encoding='UTF-16'?>" OPEN, ANSWER ERROR("unsupported-encoding"),
         "ended(unsupported-encoding) "},
        {0, H "<!-- c -->", ANSWER FEATURES(STARTTLS) ERROR("restricted-xml"),
         HEADER_EVENT "ended(restricted-xml) "},
        {0, H "<a></b>", ANSWER FEATURES(STARTTLS) ERROR("not-well-formed"),
         HEADER_EVENT "ended(not-well-formed) "},
        {0, H "<x:a/>", ANSWER FEATURES(STARTTLS) ERROR("not-well-formed"), NULL},
        {BOUND, H "<a><b><?c d?></b></a>", ANSWER "<stream:features/>" ERROR("restricted-xml"),
         NULL},
    };
    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

static void top_level_elements_are_gated(void **state)
{
    static const struct row rows[] = {
        /* unknown ones: X23, X24, T5 */
        {0, H "<foo xmlns='bar'/>", ANSWER FEATURES(STARTTLS) ERROR("unsupported-stanza-type"),
         NULL},
        {BOUND, H "<message xmlns='jabber:server'/>",
         ANSWER "<stream:features/>" ERROR("unsupported-stanza-type"), NULL},
        {BOUND, H "<foo/>", ANSWER "<stream:features/>" ERROR("unsupported-stanza-type"), NULL},
        {BOUND, H "<stream:features/>",
         ANSWER "<stream:features/>" ERROR("unsupported-stanza-type"), NULL},
        {0, H "<compress xmlns='http://jabber.org/protocol/compress'/>",
         ANSWER FEATURES(STARTTLS) ERROR("unsupported-stanza-type"), NULL},
        /* stanzas too early: P1, P2 */
        {0, H "<message to='a@h.test'/>", ANSWER FEATURES(STARTTLS) ERROR("not-authorized"),
         HEADER_EVENT},
        {SECURE, H "<presence/>", ANSWER FEATURES(MECHANISMS) ERROR("not-authorized"), NULL},
        {LOGGED, H "<iq type='get' id='1'><q xmlns='u'/></iq>",
         ANSWER FEATURES(BIND) ERROR("not-authorized"), NULL},
        /* features around TLS, twice, or after all is done: T4 */
        {0, H AUTH, ANSWER FEATURES(STARTTLS) ERROR("not-authorized"), HEADER_EVENT},
        {0, H BIND, ANSWER FEATURES(STARTTLS) ERROR("not-authorized"), HEADER_EVENT},
        {SECURE, H STARTTLS, ANSWER FEATURES(MECHANISMS) ERROR("not-authorized"), HEADER_EVENT},
        {SECURE, H BIND, ANSWER FEATURES(MECHANISMS) ERROR("not-authorized"), HEADER_EVENT},
        {BOUND, H AUTH, ANSWER "<stream:features/>" ERROR("policy-violation"), HEADER_EVENT},
        {BOUND, H BIND, ANSWER "<stream:features/>" ERROR("policy-violation"), HEADER_EVENT},
        /* a feature that refuses in its own way */
        {LOGGED, H "<r xmlns='urn:test'/>", ANSWER FEATURES(BIND) ERROR("unsupported-feature"),
         HEADER_EVENT "refused(r) "},
        {LOGGED, H "<quiet xmlns='urn:test'/>" BIND, ANSWER FEATURES(BIND),
         HEADER_EVENT "refused(quiet) bind "},
        {BOUND, H "<r xmlns='urn:test'/> <quiet xmlns='urn:test'/>", ANSWER "<stream:features/>",
         HEADER_EVENT "r quiet "},
    };
    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

/* A feature may take some, while it exists and no longer. */
static void early_stanzas_are_offered(void **state)
{
    static const struct row rows[] = {
        {SECURE, H IQ IQ, ANSWER FEATURES(MECHANISMS), HEADER_EVENT "early(1) early(1) "},
        {SECURE, H IQ "<presence/>" IQ, ANSWER FEATURES(MECHANISMS) ERROR("not-authorized"),
         HEADER_EVENT "early(1) "},
        {SECURE, H "<iq type='get' id='1'/>", ANSWER FEATURES(MECHANISMS) ERROR("not-authorized"),
         NULL},
        {SECURE, H "<iq from='@' type='get' id='1'><q xmlns='q'/></iq>",
         ANSWER FEATURES(MECHANISMS) ERROR("not-authorized"), NULL},
        {0, H IQ, ANSWER FEATURES(STARTTLS) ERROR("not-authorized"), NULL},
        {LOGGED, H IQ, ANSWER FEATURES(BIND) ERROR("not-authorized"), NULL},
    };
    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

static void stanzas_are_delivered(void **state)
{
    static const struct row rows[] = {
        {BOUND,
         H "<message id='1'><body>x</body></message><presence id='2'/> \n<iq id='3' "
           "type='set'><q xmlns='u'/></iq>",
         ANSWER "<stream:features/>", HEADER_EVENT "message(1) presence(2) iq(3) "},
        {BOUND, H "<iq id='1' type='odd'/><message id='2' to='@'/><message id='3'/>",
         ANSWER "<stream:features/>",
         HEADER_EVENT "iq(1 bad-request) message(2 jid-malformed) message(3) "},
        {BOUND, H "<message from='@' id='1'/><message id='2'/>",
         ANSWER "<stream:features/>" ERROR("invalid-from"), HEADER_EVENT},
    };
    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

static void peers_may_close(void **state)
{
    static const struct row rows[] = {
        {0, H END, ANSWER FEATURES(STARTTLS) END, HEADER_EVENT "ended(-) "},
        {BOUND, H "<message id='1'/>" END "<message id='2'/>garbage<",
         ANSWER "<stream:features/>" END, HEADER_EVENT "message(1) ended(-) "},
        {BOUND, H "<stream:error>" CONDITION("reset") TEXT("x") "</stream:error><message/>",
         ANSWER "<stream:features/>" END, HEADER_EVENT},
        {BOUND, H "<stream:error>" TEXT("x") CONDITION("reset") "</stream:error>" END,
         ANSWER "<stream:features/>" END, HEADER_EVENT "ended(- reset: x) "},
        /* cut, but never inside a character */
        {BOUND,
         H "<stream:error>" CONDITION("reset") TEXT(LONG "\xc3\xbc\xc3\xbc") "</stream:error>" END,
         ANSWER "<stream:features/>" END, HEADER_EVENT "ended(- reset: " LONG ") "},
        {BOUND, H "<stream:error>" CONDITION("reset") TEXT(LONG "x\xc3\xbc") "</stream:error>" END,
         ANSWER "<stream:features/>" END, HEADER_EVENT "ended(- reset: " LONG "x) "},
        {BOUND, H "<stream:error/>" END, ANSWER "<stream:features/>" END,
         HEADER_EVENT "ended(- undefined-condition) "},
        /* after our error only the footer counts */
        {BOUND, H "<foo/><message id='1'/><bar/>" END,
         ANSWER "<stream:features/>" ERROR("unsupported-stanza-type"),
         HEADER_EVENT "ended(unsupported-stanza-type) "},
    };
    (void)state;
    check_rows(rows, ARRAY_SIZE(rows));
}

static void too_big_is_said(void **state)
{
    struct buffer in = {0};
    (void)state;
    buffer_append_text(&in, H "<message><body>");
    for (int i = 0; i < 300 * 1024; i++)
        buffer_append_char(&in, 'x');
    struct end *end = start(BOUND);
    end_feed(end, in.data, 0);
    assert_string_equal(
        end_sent(end), ANSWER "<stream:features/><stream:error>" CONDITION("policy-violation") TEXT(
                           "stanza too big") "<stanza-too-big xmlns='urn:xmpp:errors'/>" ERROR_END);
    assert_string_equal(end_events(end), HEADER_EVENT "ended(policy-violation stanza too big) ");
    end_free(end);
    buffer_fini(&in);
}

static void owners_may_refuse_the_header(void **state)
{
    struct end *end = start(0);
    (void)state;
    end->refuse_header = STREAM_HOST_UNKNOWN;
    end->local = NULL;
    end_feed(end, H "<message/>" END, 0);
    assert_string_equal(end_sent(end), ANSWER ERROR("host-unknown"));
    assert_string_equal(end_events(end), HEADER_EVENT "ended(host-unknown) ");
    end_free(end);
}

/* All 25, with text, escaped. */
static void every_stream_error_has_its_shape(void **state)
{
    (void)state;
    assert_int_equal(STREAM_CONDITIONS, 25);
    for (int condition = 0; condition < STREAM_CONDITIONS; condition++) {
        const char *name = stream_condition_name((enum stream_condition)condition);
        struct end *end = start(0);
        bool has_content = condition == STREAM_SEE_OTHER_HOST;
        char *expected =
            has_content
                ? xasprintf(ANSWER "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
                                   "a&lt;b</%s>" ERROR_END,
                            name, name)
                : xasprintf(ANSWER
                            "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>" TEXT(
                                "a&lt;b") ERROR_END,
                            name);
        stream_fail(end->stream, (enum stream_condition)condition, "a<b");
        assert_string_equal(end_sent(end), expected);
        assert_int_equal(stream_state(end->stream), STREAM_CLOSING);
        stream_fail(end->stream, STREAM_RESET, NULL);
        stream_close(end->stream);
        assert_string_equal(end_sent(end), expected);
        free(expected);
        end_free(end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_answered),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(xml_errors_end_the_stream),
        cmocka_unit_test(top_level_elements_are_gated),
        cmocka_unit_test(early_stanzas_are_offered),
        cmocka_unit_test(stanzas_are_delivered),
        cmocka_unit_test(peers_may_close),
        cmocka_unit_test(too_big_is_said),
        cmocka_unit_test(owners_may_refuse_the_header),
        cmocka_unit_test(every_stream_error_has_its_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
