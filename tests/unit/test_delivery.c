/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Delivery (docs/rules/delivery.md): every stanza type to every form of address, first the table,
 * then with sessions; once by the short cut and once by way of the router, with the same result.
 */
#include "c2s/sm/delivery.h"
#include "tests/unit/fake_client.h"

#define STRANGER "x@y.z/r"
#define FRIEND   "bob@example.net/b"

/* RFC 6121 §8.5 read a second time. One letter a case, in the order of enum delivery_case:
 * r the resource, n all with priority 0 or more, a all available, o offline or else an error,
 * e error, s served, - nothing, u unsubscribed. */
static const struct {
    enum stanza_type type;
    const char *trusted, *stranger;
} rules[] = {
    {MESSAGE_NORMAL, "enoree", "enor--"},
    {MESSAGE_CHAT, "enorno", "enorno"},
    {MESSAGE_GROUPCHAT, "eeeree", "eeeeee"},
    {MESSAGE_HEADLINE, "-n-r--", "-n-r--"},
    {MESSAGE_ERROR, "---r--", "---r--"},
    {PRESENCE_AVAILABLE, "-aar--", "-aar--"},
    {PRESENCE_UNAVAILABLE, "-aar--", "-aar--"},
    {PRESENCE_ERROR, "-aar--", "-aar--"},
    {PRESENCE_PROBE, "u-----", "u-----"},
    {PRESENCE_SUBSCRIBE, "------", "------"},
    {PRESENCE_SUBSCRIBED, "------", "------"},
    {PRESENCE_UNSUBSCRIBE, "------", "------"},
    {PRESENCE_UNSUBSCRIBED, "------", "------"},
    {IQ_GET, "essree", "esseee"},
    {IQ_SET, "essree", "esseee"},
    {IQ_RESULT, "---r--", "---r--"},
    {IQ_ERROR, "---r--", "---r--"},
};

static const char letters[] = {
    [DELIVER_IGNORE] = '-',       [DELIVER_REFUSE] = 'e',       [DELIVER_RESOURCE] = 'r',
    [DELIVER_NON_NEGATIVE] = 'n', [DELIVER_AVAILABLE] = 'a',    [DELIVER_OFFLINE] = 'o',
    [DELIVER_SERVE] = 's',        [DELIVER_UNSUBSCRIBED] = 'u',
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        for (int at = 0; at < DELIVERY_CASES; at++) {
            enum delivery_case situation = (enum delivery_case)at;

            assert_int_equal(letters[delivery_rule(rules[i].type, situation, true)],
                             rules[i].trusted[at]);
            assert_int_equal(letters[delivery_rule(rules[i].type, situation, false)],
                             rules[i].stranger[at]);
        }
    }
    assert_int_equal(ARRAY_SIZE(rules), IQ_ERROR + 1);
}

/* Alice: a with priority 5, z with 0, m with -1 and c, connected only. Bob may see her. */
static struct client *a, *z, *m, *c, *bob;

static int with_sessions(void **state)
{
    int error = fake_setup(state);

    fake_roster_row(1, "bob@example.net", "from", "");
    bob = login_available("bob", "b");
    a = login("alice", "a");
    say(a, "<presence><priority>5</priority></presence>");
    z = login_available("alice", "z");
    m = login("alice", "m");
    say(m, "<presence><priority>-1</priority></presence>");
    c = login("alice", "c");
    for (size_t i = 0; i < ARRAY_SIZE(fake.clients); i++) {
        fake_clear(&fake.clients[i].inbox);
    }
    return error;
}

static int with_router(void **state)
{
    int error = with_sessions(state);

    fake.echo = true;
    fake.shortcut = false;
    sm_plugin.reload(fake.state, NULL);
    return error;
}

/* What bob sends, and who gets it: letters of clients; '!' an error with this condition. */
static const struct {
    const char *stanza, *to, *gets;
} sent[] = {
    {"<message id='1'>", "alice@example.net", "az"},
    {"<message id='1' type='chat'>", "alice@example.net", "az"},
    {"<message id='1' type='strange'>", "alice@example.net", "az"},
    {"<message id='1' type='headline'>", "alice@example.net", "az"},
    {"<message id='1' type='groupchat'>", "alice@example.net", "!service-unavailable"},
    {"<message id='1' type='error'>", "alice@example.net", ""},
    {"<message id='1'>", "alice@example.net/m", "m"},
    {"<message id='1' type='chat'>", "alice@example.net/c", "c"},
    {"<message id='1' type='groupchat'>", "alice@example.net/c", "c"},
    {"<message id='1' type='headline'>", "alice@example.net/a", "a"},
    {"<message id='1' type='error'>", "alice@example.net/a", "a"},
    {"<message id='1'>", "alice@example.net/gone", "!service-unavailable"},
    {"<message id='1' type='chat'>", "alice@example.net/gone", "az"},
    {"<message id='1' type='groupchat'>", "alice@example.net/gone", "!service-unavailable"},
    {"<message id='1' type='headline'>", "alice@example.net/gone", ""},
    {"<message id='1' type='error'>", "alice@example.net/gone", ""},
    {"<message id='1' type='chat'>", "nobody@example.net", "!service-unavailable"},
    {"<message id='1' type='headline'>", "nobody@example.net/r", ""},
    {"<message id='1'>", "example.net", "!service-unavailable"},
    {"<presence>", "alice@example.net", "azm"},
    {"<presence type='unavailable'>", "alice@example.net", "azm"},
    {"<presence>", "alice@example.net/c", "c"},
    {"<presence>", "alice@example.net/gone", ""},
    {"<presence>", "nobody@example.net", ""},
    {"<iq id='1' type='get'><query xmlns='x:y'/>", "alice@example.net/c", "c"},
    {"<iq id='1' type='set'><query xmlns='x:y'/>", "alice@example.net/a", "a"},
    {"<iq id='1' type='result'>", "alice@example.net/a", "a"},
    {"<iq id='1' type='get'><query xmlns='x:y'/>", "alice@example.net/gone",
     "!service-unavailable"},
    {"<iq id='1' type='result'>", "alice@example.net/gone", ""},
    {"<iq id='1' type='get'><query xmlns='x:y'/>", "alice@example.net", "!service-unavailable"},
    {"<iq id='1' type='get'><query xmlns='x:y'/>", "nobody@example.net", "!service-unavailable"},
    {"<iq id='1' type='get'><query xmlns='x:y'/>", "nobody@example.net/r", "!service-unavailable"},
    {"<iq id='1' type='get'><query xmlns='x:y'/>", "example.net", "!service-unavailable"},
    {"<iq id='1' type='result'>", "example.net", ""},
};

static char *with_to(const char *stanza, const char *to)
{
    const char *rest = strchr(stanza, ' ');
    size_t name = rest ? (size_t)(rest - stanza) : strlen(stanza) - 1;
    const char *kind = stanza[1] == 'i' ? "iq" : stanza[1] == 'm' ? "message" : "presence";

    return xasprintf("%.*s to='%s'%s</%s>", (int)name, stanza, to, stanza + name, kind);
}

static bool is_error_of(const char *line, const char *condition)
{
    const char *last = line ? strrchr(line, ' ') : NULL;

    return last && strstr(line, " error ") && strcmp(last + 1, condition) == 0;
}

static void check_who_got_it(const char *xml, const char *gets)
{
    static struct client *const *const clients[] = {&a, &z, &m, &c};
    char *answer = fake_get(&bob->inbox);
    struct buffer got = {0};

    buffer_append_text(&got, "");
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        char *line = fake_get(&(*clients[i])->inbox);

        if (line) {
            buffer_append_char(&got, "azmc"[i]);
        }
        free(line);
        expect_nothing(*clients[i]);
    }
    if (*gets == '!' ? !is_error_of(answer, gets + 1) || got.length > 0
                     : answer != NULL || strcmp(got.data, gets) != 0) {
        fail_msg("%s: went to '%s', answer '%s', expected '%s'", xml, got.data,
                 answer ? answer : "", gets);
    }
    free(answer);
    buffer_fini(&got);
}

static void test_to_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
        char *xml = with_to(sent[i].stanza, sent[i].to);

        say(bob, xml);
        check_who_got_it(xml, sent[i].gets);
        free(xml);
    }
}

/* M10: a stranger learns nothing, whether the resource is there or not. */
static void test_strangers_see_no_difference(void **state)
{
    static const char *const stanzas[] = {
        "<iq id='1' type='get' from='" STRANGER "' to='alice@example.net/%s'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        "<iq id='1' type='get' from='" STRANGER "' to='alice@example.net/%s'>"
        "<ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq id='1' type='get' from='" STRANGER "' to='alice@example.net/%s'>"
        "<query xmlns='jabber:iq:last'/></iq>",
        "<iq id='1' type='get' from='" STRANGER "' to='alice@example.net/%s'>"
        "<vCard xmlns='vcard-temp'/></iq>",
        "<iq id='1' type='get' from='" STRANGER "' to='alice@example.net/%s'>"
        "<time xmlns='urn:xmpp:time'/></iq>",
        "<message from='" STRANGER "' to='alice@example.net/%s'/>",
        "<message type='groupchat' from='" STRANGER "' to='alice@example.net/%s'/>",
        "<message type='headline' from='" STRANGER "' to='alice@example.net/%s'/>",
        "<message type='chat' from='" STRANGER "' to='alice@example.net/%s'/>",
        "<presence from='" STRANGER "' to='alice@example.net/%s'/>",
        "<presence type='probe' from='" STRANGER "' to='alice@example.net/%s'/>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(stanzas); i++) {
        char *answers[2];

        for (int there = 0; there < 2; there++) {
            struct buffer xml = {0};
            const char *at = strstr(stanzas[i], "%s");

            buffer_append(&xml, stanzas[i], (size_t)(at - stanzas[i]));
            buffer_append_char(&xml, there ? 'a' : 'q');
            buffer_append_text(&xml, at + 2);
            arrive(xml.data);
            buffer_fini(&xml);
            answers[there] = fake_get(&fake.router);
            expect_nothing_routed();
            if (answers[there]) {
                char *address = strstr(answers[there], "example.net/");

                if (address) { /* the address that was asked is of course another */
                    address[strlen("example.net/")] = '.';
                }
            }
        }
        if (answers[0] || answers[1]) {
            assert_non_null(answers[0]);
            assert_non_null(answers[1]);
            assert_string_equal(answers[0], answers[1]);
        }
        free(answers[0]);
        free(answers[1]);
    }
}

/* M6: what looks like a roster push reaches no client. */
static void test_forged_roster_push(void **state)
{
    (void)state;
    say(bob, "<iq id='1' type='set' to='alice@example.net/a'><query xmlns='jabber:iq:roster'>"
             "<item jid='evil@y.z' subscription='both'/></query></iq>");
    expect(bob, "iq error alice@example.net/a > bob@example.net/b service-unavailable");
    say(z, "<iq id='1' type='set' to='alice@example.net/a'><query xmlns='jabber:iq:roster'>"
           "<item jid='evil@y.z' subscription='both'/></query></iq>");
    expect(z, "iq error alice@example.net/a > alice@example.net/z service-unavailable");
    expect_nothing(a);
}

/* F13: errors are not answered, whoever they are for. */
static void test_no_error_loops(void **state)
{
    static const char *const stanzas[] = {
        "<message type='error' from='" STRANGER "' to='nobody@example.net'/>",
        "<message type='error' from='" STRANGER "' to='alice@example.net/gone'/>",
        "<message type='error' from='" STRANGER "' to='example.net'/>",
        "<iq id='1' type='error' from='" STRANGER "' to='nobody@example.net'/>",
        "<iq id='1' type='error' from='" STRANGER "' to='alice@example.net'/>",
        "<iq id='1' type='result' from='" STRANGER "' to='example.net'/>",
        "<presence type='error' from='" STRANGER "' to='nobody@example.net'/>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(stanzas); i++) {
        arrive(stanzas[i]);
        expect_nothing_routed();
    }
}

/* The router sees to it that everything says where it comes from. What does not is for nobody. */
static void test_without_from(void **state)
{
    (void)state;
    arrive("<message to='alice@example.net/a'/>");
    arrive("<iq id='1' type='get' to='alice@example.net'><query xmlns='jabber:iq:last'/></iq>");
    arrive("<presence type='probe' to='alice@example.net'/>");
    arrive("<presence type='subscribe' to='alice@example.net'/>");
    expect_nothing(a);
    expect_nothing_routed();
}

static void test_server_answers(void **state)
{
    (void)state;
    say(bob, "<iq id='1' type='get' to='example.net'><ping xmlns='urn:xmpp:ping'/></iq>");
    expect(bob, "iq result example.net > bob@example.net/b");
    say(bob, "<iq id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
    expect(bob, "iq result > bob@example.net/b");
    say(bob, "<iq id='1' type='get'><query xmlns='x:y'/></iq>");
    expect(bob, "iq error > bob@example.net/b service-unavailable");
    say(bob, "<iq id='1' type='set'><ping xmlns='urn:xmpp:ping'/></iq>");
    expect(bob, "iq error > bob@example.net/b feature-not-implemented");
}

/* One counter a row of the dispatch table, one for what has none. */
static void test_counters(void **state)
{
    (void)state;
    say(bob, "<iq id='1' type='get' to='example.net'><ping xmlns='urn:xmpp:ping'/></iq>");
    say(bob, "<iq id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
    say(bob, "<iq id='1' type='set'><ping xmlns='urn:xmpp:ping'/></iq>");
    say(bob, "<iq id='1' type='get'><query xmlns='x:y'/></iq>");
    buffer_clear(&fake_answer_text);
    run_command("counters");
    assert_non_null(strstr(fake_answer_text.data, "accounts in memory: 2\nsessions: 5\n"));
    assert_non_null(strstr(fake_answer_text.data, "being answered: 0\n"));
    assert_non_null(strstr(fake_answer_text.data, "nobody serves: 1\n"));
    assert_non_null(strstr(fake_answer_text.data, "iq urn:xmpp:ping ping: 2 served, 1 refused\n"));
    buffer_fini(&fake_answer_text);
}

/* RFC 6120 §10.3: what a client addresses to nobody is for its own account. */
static void test_without_to(void **state)
{
    (void)state;
    say(a, "<message type='chat'><body>note</body></message>");
    expect(a, "message chat alice@example.net/a > alice@example.net \"note\"");
    expect(z, "message chat alice@example.net/a > alice@example.net \"note\"");
    say(a, "<iq id='push1' type='result'/>");
    expect_nothing(a);
    expect_nothing_routed();
}

static void test_malformed(void **state)
{
    (void)state;
    say(a, "<message to='a@b@c'/>");
    expect(a, "message error > alice@example.net/a jid-malformed");
    say(a, "<iq type='get' id='1' to='bob@example.net'/>");
    expect(a, "iq error bob@example.net > alice@example.net/a bad-request");
    say(a, "<presence type='strange' to='bob@example.net'/>");
    expect(a, "presence error bob@example.net > alice@example.net/a bad-request");
}

/* M5 */
static void test_forged_delay(void **state)
{
    (void)state;
    say(bob, "<message to='alice@example.net/a'>"
             "<delay xmlns='urn:xmpp:delay' from='example.net' stamp='2020-01-01T00:00:00Z'/>"
             "<x xmlns='y'/></message>");
    expect(a, "message bob@example.net/b > alice@example.net/a <x>");
}

static void test_to_the_world(void **state)
{
    (void)state;
    say(a, "<message to='x@y.z' type='chat'><body>hi</body></message>");
    expect_routed("message chat alice@example.net/a > x@y.z \"hi\"");
}

static void test_router_congested(void **state)
{
    (void)state;
    fake.congested = true;
    say(a, "<message to='x@y.z' type='chat'/>");
    expect(a, "message error x@y.z > alice@example.net/a resource-constraint");
    say(a, "<iq to='x@y.z' id='1' type='get'><q xmlns='x'/></iq>");
    expect(a, "iq error x@y.z > alice@example.net/a resource-constraint");
    say(a, "<presence to='x@y.z'/>");
    expect_nothing(a);
}

static void test_undelivered(void **state)
{
    int problem;

    (void)state;
    sm_plugin.undelivered(fake.state,
                          fake_parse("<message from='alice@example.net/a' to='x@y.z'/>", &problem));
    pump();
    expect(a, "message error x@y.z > alice@example.net/a resource-constraint");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_sessions, fake_teardown)
#define ROUTED(name)                                                                               \
    {                                                                                              \
        "routed: " #name, name, with_router, fake_teardown, NULL                                   \
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),  TEST(test_to_sessions),
        ROUTED(test_to_sessions),      TEST(test_strangers_see_no_difference),
        TEST(test_forged_roster_push), ROUTED(test_forged_roster_push),
        TEST(test_without_from),       TEST(test_no_error_loops),
        TEST(test_counters),           TEST(test_server_answers),
        ROUTED(test_server_answers),   TEST(test_without_to),
        ROUTED(test_without_to),       TEST(test_malformed),
        TEST(test_forged_delay),       ROUTED(test_forged_delay),
        TEST(test_to_the_world),       TEST(test_router_congested),
        TEST(test_undelivered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
