/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What only an account's own server may say to its clients is taken out of what others say.
 */
#include "tests/unit/fake_client.h"

#define ALICE  "alice@example.net"
#define ID(by) "<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='" by "'/>"
#define CARBON(name)                                                                               \
    "<" name " xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></" name ">"
#define RESULT      "<result xmlns='urn:xmpp:mam:2' id='1'/>"
#define DELAY(from) "<delay xmlns='urn:xmpp:delay' from='" from "' stamp='2026-01-01T00:00:00Z'/>"
#define ROOM        "room@chat.y.z"

static struct client *a, *b;

static int with_two(void **state)
{
    int error = fake_setup(state);

    a = login_available("alice", "a");
    b = login_available("bob", "b");
    return error;
}

static int with_router(void **state)
{
    int error = with_two(state);

    fake.echo = true;
    fake.shortcut = false;
    sm_plugin.reload(fake.state, NULL);
    return error;
}

/* `rest`: what is left of it. M1, M2, M3, M5. */
static const struct {
    const char *payload, *rest;
} payloads[] = {
    {ID(ALICE) "<x xmlns='x'/>" ID(ALICE) ID(ALICE), " <x>"},
    {ID("ALICE@Example.NET") ID("Alice@example.net/r") ID("example.net"), ""},
    {ID("bob@example.net") ID("alpha.example.net"), ""},
    {ID("alice@elsewhere.net") ID("") ID("@"), " <stanza-id> <stanza-id> <stanza-id>"},
    {"<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>", " <stanza-id>"},
    {"<stanza-id xmlns='x' id='1' by='" ALICE "'/>", " <stanza-id>"},
    {"<origin-id xmlns='urn:xmpp:sid:0' id='1'/>", " <origin-id>"},
    {CARBON("received") "<x xmlns='x'/>", " <x>"},
    {CARBON("sent") CARBON("sent"), ""},
    {"<received xmlns='urn:xmpp:carbons:1'/>", ""},
    {"<private xmlns='urn:xmpp:carbons:2'/>", " <private>"},
    {"<received xmlns='urn:xmpp:receipts' id='1'/>", " <received>"},
    {RESULT "<result xmlns='urn:xmpp:mam:1'/><result xmlns='urn:xmpp:mam:tmp'/>", ""},
    {"<result xmlns='x'/>", " <result>"},
    {DELAY("example.net") DELAY("EXAMPLE.net") DELAY("alpha.example.net"), ""},
    {DELAY("bob@example.net/b") DELAY("elsewhere.net"), " <delay> <delay>"},
};

static void check(const char *from, void (*send)(const char *xml))
{
    for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
        char *xml = xasprintf("<message from='%s' to='" ALICE "' type='chat'>%s</message>", from,
                              payloads[i].payload);
        char *line = xasprintf("message chat %s > " ALICE "%s", from, payloads[i].rest);

        send(xml);
        expect(a, line);
        expect_nothing(a);
        free(xml);
        free(line);
    }
}

static void say_as_bob(const char *xml)
{
    say(b, xml);
}

static void test_from_client(void **state)
{
    (void)state;
    check("bob@example.net/b", say_as_bob);
}

static void test_from_outside(void **state)
{
    (void)state;
    check("x@y.z/r", arrive);
}

static void arrive_as_offer(const char *xml)
{
    static unsigned number;
    int problem;
    struct stanza *stanza = fake_parse(xml, &problem);
    char *id = xasprintf("s2s/1/%u", ++number);
    const struct durable offer = {.id = id, .from = stanza->from, .to = stanza->to, .attempt = 1};

    sm_plugin.offered(fake.state, &offer, stanza);
    pump();
    free(id);
}

/* Offers are taken another way. */
static void test_from_offers(void **state)
{
    (void)state;
    check("x@y.z/r", arrive_as_offer);
}

/* Forwarded messages and the like are looked through. */
static void test_nested(void **state)
{
    (void)state;
    say(b, "<message to='x@y.z'><a xmlns='x'><b>" ID(ALICE) "<c/>" ID("o@y.z") "</b>" ID(
               ALICE) "</a><d xmlns='x'/></message>");
    say(b, "<message to='x@y.z'>" ID("o@y.z") ID(ALICE) "</message>");
    expect_routed("message bob@example.net/b > x@y.z <a> <d>");
    expect_routed("message bob@example.net/b > x@y.z <stanza-id>");
    expect_nothing_routed();
}

static void test_not_in_iq(void **state)
{
    (void)state;
    say(b, "<iq type='set' id='1' to='x@y.z'>" ID(ALICE) "</iq>");
    expect_routed("iq set bob@example.net/b > x@y.z <stanza-id>");
}

#define QUERY(to)                                                                                  \
    "<iq type='set' id='q' to='" to "'><query xmlns='urn:xmpp:mam:2' queryid='f'/></iq>"
#define RESULT_FROM(from) "<message from='" from "' to='" ALICE "/a'>" RESULT "</message>"

/* Rooms have archives too: who was asked may answer, until it has. */
static void test_asked(void **state)
{
    (void)state;
    say(a, QUERY(ROOM));
    expect_routed("iq set " ALICE "/a > " ROOM " <query>");
    arrive(RESULT_FROM(ROOM));
    expect(a, "message " ROOM " > " ALICE "/a <result>");
    arrive(RESULT_FROM(ROOM "/nick"));
    expect(a, "message " ROOM "/nick > " ALICE "/a");
    arrive(RESULT_FROM("y.z"));
    expect(a, "message y.z > " ALICE "/a");
    arrive("<iq type='result' id='other' from='" ROOM "' to='" ALICE "/a'/>");
    arrive("<iq type='result' id='q' from='y.z' to='" ALICE "/a'/>");
    fake_clear(&a->inbox);
    arrive(RESULT_FROM(ROOM));
    expect(a, "message " ROOM " > " ALICE "/a <result>");
    arrive("<iq type='error' id='q' from='" ROOM "' to='" ALICE "/a'/>");
    arrive(RESULT_FROM(ROOM));
    fake_took(&a->inbox, "iq error " ROOM " > " ALICE "/a");
    expect(a, "message " ROOM " > " ALICE "/a");
}

/* Another session has not asked. */
static void test_asked_by_another(void **state)
{
    struct client *other = login_available("alice", "other");

    (void)state;
    fake_clear(&a->inbox);
    say(other, QUERY(ROOM));
    arrive(RESULT_FROM(ROOM));
    expect(a, "message " ROOM " > " ALICE "/a");
    expect_nothing(other);
}

static void test_many_asked(void **state)
{
    (void)state;
    say(a, QUERY(ROOM));
    for (int i = 0; i < 40; i++)
        say(a, QUERY("another@chat.y.z"));
    arrive(RESULT_FROM("another@chat.y.z"));
    expect(a, "message another@chat.y.z > " ALICE "/a <result>");
    arrive(RESULT_FROM(ROOM));
    expect(a, "message " ROOM " > " ALICE "/a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_client, with_two, fake_teardown),
        {"test_from_client_by_router", test_from_client, with_router, fake_teardown, NULL},
        cmocka_unit_test_setup_teardown(test_from_outside, with_two, fake_teardown),
        cmocka_unit_test_setup_teardown(test_from_offers, with_two, fake_teardown),
        cmocka_unit_test_setup_teardown(test_nested, with_two, fake_teardown),
        cmocka_unit_test_setup_teardown(test_not_in_iq, with_two, fake_teardown),
        cmocka_unit_test_setup_teardown(test_asked, with_two, fake_teardown),
        cmocka_unit_test_setup_teardown(test_asked_by_another, with_two, fake_teardown),
        cmocka_unit_test_setup_teardown(test_many_asked, with_two, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
