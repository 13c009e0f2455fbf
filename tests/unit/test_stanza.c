/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of stanzas. Input is XML text, read with the stream parser.
 */
#include "common/xmpp/stanza.h"

#include <string.h>

#include "common/base/error.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/parser.h"
#include "tests/unit/unit.h"

static void ignore_header(void *user, const struct element *header, bool foreign)
{
    (void)user;
    (void)header;
    (void)foreign;
}

static void keep_root(void *user, struct element *root, const char *bytes, size_t length)
{
    struct element **kept = user;

    (void)bytes;
    (void)length;
    *kept = root;
}

static void ignore_footer(void *user)
{
    (void)user;
}

static struct element *read_element(struct parser_pool *pool, const char *content_ns,
                                    const char *text)
{
    const struct parser_ops ops = {ignore_header, keep_root, ignore_footer};
    struct element *root = NULL;
    struct parser *parser = parser_new(pool, &parser_limits_after_auth, false, &ops, &root);
    struct buffer bytes = {0};

    buffer_printf(&bytes, "<stream:stream xmlns='%s' xmlns:stream='" NS_STREAM "'>%s", content_ns,
                  text);
    assert_int_equal(parser_feed(parser, bytes.data, bytes.length), 0);
    assert_non_null(root);
    buffer_fini(&bytes);
    parser_free(parser);
    return root;
}

static struct stanza *read_stanza(struct parser_pool *pool, const char *text)
{
    struct stanza *stanza;
    int problem;

    assert_int_equal(
        stanza_from_element_take(read_element(pool, NS_CLIENT, text), NS_CLIENT, &stanza, &problem),
        0);
    return stanza;
}

/* Consumes the stanza. */
static void expect_written(struct stanza *stanza, const char *content_ns, const char *expected)
{
    struct buffer out = {0};

    assert_non_null(stanza);
    stanza_write(&out, stanza, content_ns);
    assert_string_equal(out.data, expected);
    buffer_fini(&out);
    stanza_unref(stanza);
}

static void test_kinds_types_and_problems(void **state)
{
    enum { NONE = -1 };
    static const struct {
        const char *text;
        enum stanza_kind kind;
        enum stanza_type type;
        int problem;
    } rows[] = {
        {"<message/>", STANZA_MESSAGE, MESSAGE_NORMAL, NONE},
        {"<message type='normal'/>", STANZA_MESSAGE, MESSAGE_NORMAL, NONE},
        {"<message type='chat'/>", STANZA_MESSAGE, MESSAGE_CHAT, NONE},
        {"<message type='groupchat'/>", STANZA_MESSAGE, MESSAGE_GROUPCHAT, NONE},
        {"<message type='headline'/>", STANZA_MESSAGE, MESSAGE_HEADLINE, NONE},
        {"<message type='error'/>", STANZA_MESSAGE, MESSAGE_ERROR, NONE},
        {"<message type='unheard-of'/>", STANZA_MESSAGE, MESSAGE_NORMAL, NONE},
        {"<message to='@'/>", STANZA_MESSAGE, MESSAGE_NORMAL, STANZA_JID_MALFORMED},
        {"<message to=''/>", STANZA_MESSAGE, MESSAGE_NORMAL, STANZA_JID_MALFORMED},
        {"<presence/>", STANZA_PRESENCE, PRESENCE_AVAILABLE, NONE},
        {"<presence type='unavailable'/>", STANZA_PRESENCE, PRESENCE_UNAVAILABLE, NONE},
        {"<presence type='subscribe'/>", STANZA_PRESENCE, PRESENCE_SUBSCRIBE, NONE},
        {"<presence type='subscribed'/>", STANZA_PRESENCE, PRESENCE_SUBSCRIBED, NONE},
        {"<presence type='unsubscribe'/>", STANZA_PRESENCE, PRESENCE_UNSUBSCRIBE, NONE},
        {"<presence type='unsubscribed'/>", STANZA_PRESENCE, PRESENCE_UNSUBSCRIBED, NONE},
        {"<presence type='probe'/>", STANZA_PRESENCE, PRESENCE_PROBE, NONE},
        {"<presence type='error'/>", STANZA_PRESENCE, PRESENCE_ERROR, NONE},
        {"<presence type='available'/>", STANZA_PRESENCE, PRESENCE_AVAILABLE, STANZA_BAD_REQUEST},
        {"<iq type='get' id='1'><a xmlns='a'/></iq>", STANZA_IQ, IQ_GET, NONE},
        {"<iq type='set' id='1'>  <a xmlns='a'/>  </iq>", STANZA_IQ, IQ_SET, NONE},
        {"<iq type='result' id='1'/>", STANZA_IQ, IQ_RESULT, NONE},
        {"<iq type='error' id='1'/>", STANZA_IQ, IQ_ERROR, NONE},
        {"<iq type='get'><a xmlns='a'/></iq>", STANZA_IQ, IQ_GET, STANZA_BAD_REQUEST},
        {"<iq type='get' id='1'/>", STANZA_IQ, IQ_GET, STANZA_BAD_REQUEST},
        {"<iq type='set' id='1'><a/><b/></iq>", STANZA_IQ, IQ_SET, STANZA_BAD_REQUEST},
        {"<iq id='1'><a/></iq>", STANZA_IQ, IQ_GET, STANZA_BAD_REQUEST},
        {"<iq type='GET' id='1'><a/></iq>", STANZA_IQ, IQ_GET, STANZA_BAD_REQUEST},
        {"<iq type='result'/>", STANZA_IQ, IQ_RESULT, STANZA_BAD_REQUEST},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stanza *stanza;
        int problem;
        struct element *root = read_element(*state, NS_CLIENT, rows[i].text);
        assert_int_equal(stanza_from_element_take(root, NS_CLIENT, &stanza, &problem), 0);
        assert_int_equal(stanza->kind, rows[i].kind);
        assert_int_equal(stanza->type, rows[i].type);
        assert_int_equal(problem, rows[i].problem);
        assert_string_equal(stanza_kind_name(stanza->kind), stanza->root->name);
        assert_false(stanza->has_to);
        assert_false(stanza->has_from);
        stanza_unref(stanza);
    }
}

static void test_what_is_no_stanza(void **state)
{
    static const struct {
        const char *content_ns;
        const char *text;
        int error;
    } rows[] = {
        {NS_CLIENT, "<foo/>", ERR_UNSUPPORTED},
        {NS_CLIENT, "<message xmlns='jabber:server'/>", ERR_UNSUPPORTED},
        {NS_SERVER, "<message xmlns='jabber:client'/>", ERR_UNSUPPORTED},
        {NS_CLIENT, "<message xmlns=''/>", ERR_UNSUPPORTED},
        {NS_CLIENT, "<stream:message/>", ERR_UNSUPPORTED},
        {NS_CLIENT, "<Message/>", ERR_UNSUPPORTED},
        {NS_CLIENT, "<message from='@'/>", ERR_MALFORMED},
        {NS_CLIENT, "<message from=''/>", ERR_MALFORMED},
        {NS_CLIENT, "<iq from='a@' to='@'/>", ERR_MALFORMED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stanza *stanza;
        int problem;
        struct element *root = read_element(*state, rows[i].content_ns, rows[i].text);
        assert_int_equal(stanza_from_element_take(root, rows[i].content_ns, &stanza, &problem),
                         rows[i].error);
    }
}

static void test_addresses(void **state)
{
    struct stanza *stanza = read_stanza(
        *state, "<message from='Alice@EXAMPLE.test/Desk' to='example.test' type='chat'/>");

    assert_true(stanza->has_from);
    assert_true(stanza->has_to);
    assert_string_equal(stanza->from.local, "alice");
    assert_string_equal(stanza->from.bare, "alice@example.test");
    assert_string_equal(stanza->from.resource, "Desk");
    assert_null(stanza->to.local);
    assert_string_equal(stanza->to.full, "example.test");
    assert_string_equal(element_get(stanza->root, "from"), "alice@example.test/Desk");

    stanza_set_to(stanza, &stanza->from);
    stanza_set_from(stanza, &stanza->from);
    stanza_set_from(stanza, NULL);
    assert_false(stanza->has_from);
    assert_string_equal(stanza->to.full, "alice@example.test/Desk");
    expect_written(stanza, NS_CLIENT, "<message to='alice@example.test/Desk' type='chat'/>");
}

/* RFC 6120 §4.8.2: the content namespace belongs to the stream. */
static void test_content_namespaces(void **state)
{
    struct stanza *stanza;
    int problem;
    struct element *root = read_element(*state, NS_SERVER,
                                        "<message><body>x</body><f xmlns='urn:f'>"
                                        "<message xmlns='jabber:client'/><a xmlns='jabber:server'/>"
                                        "</f><subject/></message>");

    assert_int_equal(stanza_from_element_take(root, NS_SERVER, &stanza, &problem), 0);
    assert_string_equal(stanza->root->ns, NS_CLIENT);
    assert_non_null(element_find(stanza->root, NS_CLIENT, "body"));
    assert_non_null(element_find(stanza->root, NS_CLIENT, "subject"));
    expect_written(stanza_ref(stanza), NS_CLIENT,
                   "<message><body>x</body><f xmlns='urn:f'><message xmlns='jabber:client'/>"
                   "<a xmlns='jabber:server'/></f><subject/></message>");
    expect_written(stanza, NS_COMPONENT,
                   "<message><body>x</body><f xmlns='urn:f'><message xmlns='jabber:client'/>"
                   "<a xmlns='jabber:server'/></f><subject/></message>");
}

static void test_new_and_copy(void **state)
{
    struct stanza *stanza = stanza_new(STANZA_PRESENCE, PRESENCE_UNAVAILABLE);
    struct stanza *plain = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct jid jid;

    (void)state;
    assert_int_equal(jid_parse(stanza->arena, "a@b.test", &jid), 0);
    stanza_set_from(stanza, &jid);
    struct stanza *copy = stanza_copy(stanza);
    stanza_unref(stanza);
    assert_int_equal(copy->type, PRESENCE_UNAVAILABLE);
    assert_false(copy->has_to);
    assert_string_equal(copy->from.full, "a@b.test");
    expect_written(copy, NS_CLIENT, "<presence type='unavailable' from='a@b.test'/>");
    expect_written(plain, NS_CLIENT, "<message/>");
    stanza_unref(NULL);
}

#define SAID                                                                                       \
    "<message from='r@c.test/n'><body>a &amp; b</body><x xmlns='urn:x'><y/>z</x><e "               \
    "xmlns='urn:e'/>"                                                                              \
    "</message>"

/* What they have in common is written once, as long as nobody has changed a copy. */
static void test_copies_for_many(void **state)
{
    struct stanza *stanza = read_stanza(*state, SAID), *copies[5];
    struct element *x;
    struct jid jid;

    assert_int_equal(jid_parse(stanza->arena, "a@b.test/d", &jid), 0);
    for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
        copies[i] = stanza_copy_to(stanza, &jid);
        assert_string_equal(copies[i]->to.full, "a@b.test/d");
        assert_string_equal(copies[i]->from.full, "r@c.test/n");
    }
    element_set(copies[0]->root, "id", "1");
    element_remove(copies[1]->root, element_find(copies[1]->root, "urn:e", "e"));
    x = element_find(copies[2]->root, "urn:x", "x");
    element_set(element_find(x, "urn:x", "y"), "v", "1");
    expect_written(copies[0], NS_CLIENT,
                   "<message from='r@c.test/n' to='a@b.test/d' id='1'><body>a &amp; b</body>"
                   "<x xmlns='urn:x'><y/>z</x><e xmlns='urn:e'/></message>");
    expect_written(copies[1], NS_CLIENT,
                   "<message from='r@c.test/n' to='a@b.test/d'><body>a &amp; b</body>"
                   "<x xmlns='urn:x'><y/>z</x></message>");
    expect_written(copies[2], NS_CLIENT,
                   "<message from='r@c.test/n' to='a@b.test/d'><body>a &amp; b</body>"
                   "<x xmlns='urn:x'><y v='1'/>z</x><e xmlns='urn:e'/></message>");
    element_add(copies[3]->root, NS_CLIENT, "thread");
    expect_written(stanza, NS_CLIENT, SAID);
    expect_written(copies[3], NS_CLIENT,
                   "<message from='r@c.test/n' to='a@b.test/d'><body>a &amp; b</body>"
                   "<x xmlns='urn:x'><y/>z</x><e xmlns='urn:e'/><thread/></message>");
    /* the original is kept, and what was written of it */
    expect_written(copies[4], NS_CLIENT,
                   "<message from='r@c.test/n' to='a@b.test/d'><body>a &amp; b</body>"
                   "<x xmlns='urn:x'><y/>z</x><e xmlns='urn:e'/></message>");
}

static void test_type_names(void **state)
{
    (void)state;
    assert_null(stanza_type_name(MESSAGE_NORMAL));
    assert_null(stanza_type_name(PRESENCE_AVAILABLE));
    assert_string_equal(stanza_type_name(MESSAGE_ERROR), "error");
    assert_string_equal(stanza_type_name(PRESENCE_PROBE), "probe");
    assert_string_equal(stanza_type_name(IQ_SET), "set");
}

static void test_payload(void **state)
{
    static const struct {
        const char *text;
        const char *payload;
    } rows[] = {
        {"<iq type='get' id='1'> <a xmlns='a'/></iq>", "a"},
        {"<iq type='result' id='1'><b xmlns='a'/></iq>", "b"},
        {"<iq type='result' id='1'/>", NULL},
        {"<iq type='error' id='1'><a xmlns='a'/><error/></iq>", NULL},
        {"<message><body/></message>", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stanza *stanza = read_stanza(*state, rows[i].text);
        struct element *payload = stanza_payload(stanza);
        if (rows[i].payload) {
            assert_string_equal(payload->name, rows[i].payload);
        } else {
            assert_null(payload);
        }
        stanza_unref(stanza);
    }
}

static void test_error_reply(void **state)
{
    struct stanza *stanza = read_stanza(
        *state, "<iq type='set' id='&lt;1' from='a@b.test/c' to='d.test'><x xmlns='urn:x'/></iq>");
    struct stanza *error = stanza_error(stanza, STANZA_FORBIDDEN, "no <way>");

    assert_true(stanza_is_error(error));
    assert_string_equal(error->from.full, "d.test");
    assert_string_equal(error->to.full, "a@b.test/c");
    element_add(stanza_error_element(error), NS_APP_ERRORS, "special");
    expect_written(error, NS_CLIENT,
                   "<iq type='error' id='&lt;1' from='d.test' to='a@b.test/c'><x xmlns='urn:x'/>"
                   "<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                   "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>no &lt;way&gt;"
                   "</text><special xmlns='urn:xmpp:errors'/></error></iq>");
    expect_written(stanza_error_typed(stanza, STANZA_RESOURCE_CONSTRAINT, "cancel", NULL),
                   NS_SERVER,
                   "<iq type='error' id='&lt;1' from='d.test' to='a@b.test/c'><x xmlns='urn:x'/>"
                   "<error type='cancel'><resource-constraint "
                   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
    expect_written(stanza_result(stanza), NS_CLIENT,
                   "<iq type='result' id='&lt;1' from='d.test' to='a@b.test/c'/>");
    stanza_unref(stanza);
}

/* The payload may hold an <error/> of its own. */
static void test_error_element_is_the_last(void **state)
{
    struct stanza *stanza = read_stanza(*state, "<message><error>theirs</error></message>");
    struct stanza *error = stanza_error(stanza, STANZA_GONE, NULL);

    assert_string_equal(element_get(stanza_error_element(error), "type"), "cancel");
    stanza_unref(error);
    stanza_unref(stanza);
}

/* RFC 6120 §8.3.1: an error must not be answered with an error; a problem in a request may. */
static void test_what_is_answered_with_an_error(void **state)
{
    static const struct {
        const char *text;
        bool answered;
    } rows[] = {
        {"<message/>", true},
        {"<message type='error'/>", false},
        {"<presence/>", true},
        {"<presence type='odd'/>", true},
        {"<presence type='error'/>", false},
        {"<iq type='get' id='1'/>", true},
        {"<iq type='odd' id='1'/>", true},
        {"<iq/>", true},
        {"<iq type='result' id='1'/>", false},
        {"<iq type='result' to='@'/>", false},
        {"<iq type='error' id='1'/>", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stanza *stanza = read_stanza(*state, rows[i].text);
        struct stanza *error = stanza_error(stanza, STANZA_BAD_REQUEST, NULL);
        assert_int_equal(error != NULL, rows[i].answered);
        assert_int_equal(stanza_is_reply(stanza), !rows[i].answered);
        stanza_unref(error);
        stanza_unref(stanza);
    }
}

/* The error to a stanza at the size limit must not itself be beyond it. */
static void test_error_to_something_big_is_small(void **state)
{
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);
    struct buffer out = {0};

    (void)state;
    for (int i = 0; i < 5000; i++) {
        element_add_with_text(stanza->root, NS_CLIENT, "body", "some text that takes some room");
    }
    struct stanza *error = stanza_error(stanza, STANZA_NOT_ALLOWED, NULL);
    stanza_write(&out, error, NS_CLIENT);
    assert_true(out.length < 200);
    buffer_fini(&out);
    stanza_unref(error);
    stanza_unref(stanza);
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
        cmocka_unit_test(test_kinds_types_and_problems),
        cmocka_unit_test(test_what_is_no_stanza),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_content_namespaces),
        cmocka_unit_test(test_new_and_copy),
        cmocka_unit_test(test_copies_for_many),
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_payload),
        cmocka_unit_test(test_error_reply),
        cmocka_unit_test(test_error_element_is_the_last),
        cmocka_unit_test(test_what_is_answered_with_an_error),
        cmocka_unit_test(test_error_to_something_big_is_small),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
