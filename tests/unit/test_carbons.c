/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Message Carbons (XEP-0280): who gets a copy of what.
 */
#include "tests/unit/fake_client.h"

#define ALICE   "alice@example.net"
#define BOB     "bob@example.net"
#define ENABLE  "<iq type='set' id='e'><enable xmlns='urn:xmpp:carbons:2'/></iq>"
#define DISABLE "<iq type='set' id='d'><disable xmlns='urn:xmpp:carbons:2'/></iq>"
#define ROOM_X  "<x xmlns='http://jabber.org/protocol/muc#user'/>"

/* a and b want copies; c does not; m does, but wants no messages. */
static struct client *a, *b, *c, *m, *bob;

static void enable(struct client *client)
{
    say(client, ENABLE);
    fake_clear(&client->inbox);
}

static int with_sessions(void **state)
{
    int error = fake_setup(state);

    bob = login_available("bob", "x");
    a = login_available("alice", "a");
    b = login_available("alice", "b");
    c = login_available("alice", "c");
    m = login("alice", "m");
    say(m, "<presence><priority>-1</priority></presence>");
    enable(a);
    enable(b);
    enable(m);
    for (size_t i = 0; i < ARRAY_SIZE(fake.clients); i++)
        fake_clear(&fake.clients[i].inbox);
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

/* §8: also from a device that wants none. */
static void test_sent(void **state)
{
    (void)state;
    say(c, "<message to='x@y.z' type='chat'><body>hi</body></message>");
    expect(a, "message chat " ALICE " > " ALICE "/a sent {" ALICE "/c > x@y.z \"hi\" <stanza-id>}");
    expect(b, "message chat " ALICE " > " ALICE "/b sent {" ALICE "/c > x@y.z \"hi\" <stanza-id>}");
    expect(m, "message chat " ALICE " > " ALICE "/m sent {" ALICE "/c > x@y.z \"hi\" <stanza-id>}");
    expect_nothing(c);
    expect_routed("message chat " ALICE "/c > x@y.z \"hi\"");
    say(a, "<message to='x@y.z' type='chat'><body>hi</body></message>");
    expect(b, "message chat " ALICE " > " ALICE "/b sent {" ALICE "/a > x@y.z \"hi\" <stanza-id>}");
    expect_nothing(a);
    expect_nothing(c);
}

/* §7: whoever has it already gets no copy. */
static void test_received(void **state)
{
    (void)state;
    say(bob, "<message to='" ALICE "' type='chat'><body>hi</body></message>");
    expect(a, "message chat " BOB "/x > " ALICE " \"hi\"");
    expect(b, "message chat " BOB "/x > " ALICE " \"hi\"");
    expect(c, "message chat " BOB "/x > " ALICE " \"hi\"");
    expect(m, "message chat " ALICE " > " ALICE "/m received {" BOB "/x > " ALICE
              " \"hi\" <stanza-id>}");
    say(bob, "<message to='" ALICE "/b' type='chat'><body>hi</body></message>");
    expect(a, "message chat " ALICE " > " ALICE "/a received {" BOB "/x > " ALICE
              "/b \"hi\" <stanza-id>}");
    expect(b, "message chat " BOB "/x > " ALICE "/b \"hi\"");
    expect(m, "message chat " ALICE " > " ALICE "/m received {" BOB "/x > " ALICE
              "/b \"hi\" <stanza-id>}");
    for (struct client *const *at = (struct client *const[]){a, b, c, m, bob, NULL}; *at; at++)
        expect_nothing(*at);
}

static void test_to_oneself(void **state)
{
    (void)state;
    say(a, "<message to='" ALICE "/c' type='chat'><body>hi</body></message>");
    expect(c, "message chat " ALICE "/a > " ALICE "/c \"hi\"");
    expect(b, "message chat " ALICE " > " ALICE "/b received {" ALICE "/a > " ALICE
              "/c \"hi\" <stanza-id>}");
    expect_nothing(a);
    expect_nothing(b);
    say(a, "<message type='chat'><body>note</body></message>");
    expect(a, "message chat " ALICE "/a > " ALICE " \"note\"");
    expect(b, "message chat " ALICE "/a > " ALICE " \"note\"");
    expect_nothing(b);
}

/* §6.1; what is copied when alice/c sends it, and when it comes for alice/c. */
static const struct {
    const char *type, *payload;
    bool sent, received;
} rules[] = {
    {"chat", "", true, true},
    {"normal", "<body>b</body>", true, true},
    {"normal", "<subject>s</subject>", false, false},
    {"normal", "<received xmlns='urn:xmpp:receipts' id='1'/>", true, true},
    {"normal", "<active xmlns='http://jabber.org/protocol/chatstates'/>", true, true},
    {"normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true, true},
    {"headline", "<body>b</body>", false, false},
    {"groupchat", "<body>b</body>", false, false},
    {"error", "<body>b</body>", false, false},
    {"chat", "<body>b</body><private xmlns='urn:xmpp:carbons:2'/>", false, false},
    {"chat", "<body>b</body><no-copy xmlns='urn:xmpp:hints'/>", false, false},
    {"normal", "<x xmlns='jabber:x:conference' jid='r@c'/>", true, true},
    {"chat", "<body>b</body>" ROOM_X, true, false},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        char *out = xasprintf("<message to='x@y.z/r' type='%s'>%s</message>", rules[i].type,
                              rules[i].payload);
        char *in = xasprintf("<message from='x@y.z/r' to='" ALICE "/c' type='%s'>%s</message>",
                             rules[i].type, rules[i].payload);

        say(c, out);
        assert_int_equal(a->inbox.count, rules[i].sent ? 1 : 0);
        fake_clear(&a->inbox);
        arrive(in);
        assert_int_equal(a->inbox.count, rules[i].received ? 1 : 0);
        fake_clear(&a->inbox);
        free(out);
        free(in);
    }
}

/* §6.1: an error to a message that was copied; it need not say which that was. */
static void test_errors(void **state)
{
#define ERROR_TO(id)                                                                               \
    "<message from='x@y.z' to='" ALICE "/c' type='error' id='" id "'><error type='cancel'>"        \
    "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    (void)state;
    say(c, "<message to='x@y.z/r' type='chat' id='1'><body>hi</body></message>");
    say(c, "<message to='x@y.z/r' id='2'/>");
    fake_clear(&a->inbox);
    arrive(ERROR_TO("2"));
    arrive(ERROR_TO("3"));
    expect_nothing(a);
    arrive(ERROR_TO("1"));
    expect(a, "message error " ALICE " > " ALICE "/a received {x@y.z > " ALICE "/c gone}");
    for (int i = 0; i < 64; i++)
        say(c, "<message to='x@y.z/r' type='chat' id='4'><body>hi</body></message>");
    fake_clear(&a->inbox);
    arrive(ERROR_TO("1"));
    expect_nothing(a);
}

/* A chat message to a device that has gone is one to the bare JID; others are refused. */
static void test_gone(void **state)
{
    (void)state;
    say(bob, "<message to='" ALICE "/gone' type='chat'><body>hi</body></message>");
    expect(a, "message chat " BOB "/x > " ALICE "/gone \"hi\"");
    expect(m, "message chat " ALICE " > " ALICE "/m received {" BOB "/x > " ALICE
              "/gone \"hi\" <stanza-id>}");
    say(bob, "<message to='" ALICE "/gone'><body>hi</body></message>");
    expect_nothing(a);
    expect_nothing(m);
}

static void test_disable(void **state)
{
    (void)state;
    say(a, DISABLE);
    say(a, DISABLE);
    expect(a, "iq result > " ALICE "/a");
    expect(a, "iq result > " ALICE "/a");
    say(c, "<message to='x@y.z' type='chat'/>");
    expect_nothing(a);
    assert_int_equal(b->inbox.count, 1);
    say(a, ENABLE);
    say(a, ENABLE);
    expect(a, "iq result > " ALICE "/a");
    expect(a, "iq result > " ALICE "/a");
    say(c, "<message to='x@y.z' type='chat'/>");
    assert_int_equal(a->inbox.count, 1);
}

static void test_of_somebody_else(void **state)
{
    static const char *const names[] = {"alice", "nobody"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *xml = xasprintf("<iq type='set' id='e' to='%s@example.net'>"
                              "<enable xmlns='urn:xmpp:carbons:2'/></iq>",
                              names[i]);
        char *line = xasprintf("iq error %s@example.net > " BOB "/x not-allowed", names[i]);

        say(bob, xml);
        expect(bob, line);
        free(xml);
        free(line);
    }
}

/* §10.3: a device that has gone gets none, and nobody hears of it. */
static void test_gone_device(void **state)
{
    (void)state;
    fake_hang_up(a);
    fake_clear(&b->inbox);
    say(bob, "<message to='" ALICE "/b' type='chat'><body>hi</body></message>");
    expect(b, "message chat " BOB "/x > " ALICE "/b \"hi\"");
    expect_nothing(bob);
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, with_sessions, fake_teardown),                           \
    {                                                                                              \
        "routed: " #test, test, with_router, fake_teardown, NULL                                   \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_sent),    BOTH(test_received),         BOTH(test_to_oneself),
        BOTH(test_rules),   BOTH(test_errors),           BOTH(test_gone),
        BOTH(test_disable), BOTH(test_of_somebody_else), BOTH(test_gone_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
