/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Blocking (XEP-0191): who is blocked sees and sends nothing, in either direction.
 */
#include "tests/unit/fake_client.h"

#define ALICE      "alice@example.net"
#define BLOCK(jid) "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'>" jid "</block></iq>"
#define UNBLOCK(jid)                                                                               \
    "<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'>" jid "</unblock></iq>"
#define ITEM(jid) "<item jid='" jid "'/>"

static struct client *a;

static int with_contacts(void **state)
{
    int error = fake_setup(state);

    fake_roster_row(1, "from@y.z", "from", "");
    fake_roster_row(1, "both@y.z", "both", "");
    fake_roster_row(1, "to@y.z", "to", "");
    a = login_available("alice", "a");
    say(a, "<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>");
    fake_clear(&a->inbox);
    fake_clear(&fake.router);
    return error;
}

static void block_quietly(const char *xml)
{
    say(a, xml);
    fake_clear(&a->inbox);
    fake_clear(&fake.router);
}

static void test_block_contact(void **state)
{
    (void)state;
    say(a, BLOCK(ITEM("both@y.z")));
    expect_routed("presence unavailable " ALICE "/a > both@y.z");
    expect_nothing_routed();
    expect(a, "iq set > " ALICE "/a <block>");
    expect(a, "iq result > " ALICE "/a");
    say(a, UNBLOCK(ITEM("both@y.z")));
    expect_routed("presence " ALICE "/a > both@y.z");
    expect_nothing_routed();
}

static void test_block_domain(void **state)
{
    (void)state;
    say(a, BLOCK(ITEM("y.z")));
    assert_true(fake_took(&fake.router, "presence unavailable " ALICE "/a > both@y.z"));
    assert_true(fake_took(&fake.router, "presence unavailable " ALICE "/a > from@y.z"));
    expect_nothing_routed();
    say(a, UNBLOCK(""));
    assert_true(fake_took(&fake.router, "presence " ALICE "/a > both@y.z"));
    assert_true(fake_took(&fake.router, "presence " ALICE "/a > from@y.z"));
    expect_nothing_routed();
}

/* A room, and its domain: what is covered by the address and has directed presence. */
static void test_block_directed(void **state)
{
    (void)state;
    say(a, "<presence to='hall@r.z/a'/>");
    say(a, "<presence to='hall@r.z/b'/>");
    say(a, "<presence to='yard@r.z/a'/>");
    say(a, "<presence to='both@y.z/r'/>");
    say(a, "<presence to='" ALICE "/b'/>");
    fake_clear(&fake.router);
    say(a, BLOCK(ITEM("hall@r.z/b")));
    expect_routed("presence unavailable " ALICE "/a > hall@r.z/b");
    expect_nothing_routed();
    say(a, BLOCK(ITEM("hall@r.z")));
    expect_routed("presence unavailable " ALICE "/a > hall@r.z/a");
    expect_nothing_routed();
    say(a, BLOCK(ITEM("r.z")));
    expect_routed("presence unavailable " ALICE "/a > yard@r.z/a");
    expect_nothing_routed();
    say(a, BLOCK(ITEM("both@y.z")));
    expect_routed("presence unavailable " ALICE "/a > both@y.z");
    expect_nothing_routed();
    say(a, BLOCK(ITEM("example.net")));
    expect_nothing_routed();
    block_quietly(UNBLOCK(""));
    say(a, BLOCK(ITEM("r.z/a")));
    expect_nothing_routed();
}

/* M12 */
static void test_incoming(void **state)
{
    static const struct {
        const char *xml, *answer;
    } cases[] = {
        {"<message from='both@y.z/r' to='" ALICE "' type='chat'/>",
         "message error " ALICE " > both@y.z/r service-unavailable"},
        {"<message from='both@y.z/r' to='" ALICE "/a'/>",
         "message error " ALICE "/a > both@y.z/r service-unavailable"},
        {"<iq id='1' type='get' from='both@y.z/r' to='" ALICE "/a'><q xmlns='x'/></iq>",
         "iq error " ALICE "/a > both@y.z/r service-unavailable"},
        {"<iq id='1' type='get' from='both@y.z/r' to='" ALICE "'><vCard xmlns='vcard-temp'/></iq>",
         "iq error " ALICE " > both@y.z/r service-unavailable"},
        {"<iq id='1' type='result' from='both@y.z/r' to='" ALICE "/a'/>", NULL},
        {"<message from='both@y.z/r' to='" ALICE "/a' type='error'/>", NULL},
        {"<presence from='both@y.z/r' to='" ALICE "'/>", NULL},
        {"<presence type='probe' from='both@y.z' to='" ALICE "'/>", NULL},
        {"<presence type='subscribe' from='both@y.z' to='" ALICE "'/>", NULL},
        {"<presence type='unsubscribe' from='both@y.z' to='" ALICE "'/>", NULL},
    };

    (void)state;
    block_quietly(BLOCK(ITEM("both@y.z")));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        arrive(cases[i].xml);
        if (cases[i].answer) {
            expect_routed(cases[i].answer);
        }
        expect_nothing_routed();
        expect_nothing(a);
    }
}

static void test_outgoing(void **state)
{
    (void)state;
    block_quietly(BLOCK(ITEM("both@y.z")));
    say(a, "<message to='both@y.z'/>");
    expect(a, "message error both@y.z > " ALICE "/a not-acceptable");
    say(a, "<presence to='both@y.z/r'/>");
    expect(a, "presence error both@y.z/r > " ALICE "/a not-acceptable");
    say(a, "<presence><show>away</show></presence>");
    expect_routed("presence " ALICE "/a > from@y.z <show>");
    expect_nothing_routed();
    fake_hang_up(a);
    expect_routed("presence unavailable " ALICE "/a > from@y.z");
    expect_nothing_routed();
}

static void test_not_committed(void **state)
{
    (void)state;
    fake_db.status = ERR_SYSTEM;
    say(a, BLOCK(ITEM("both@y.z")));
    expect(a, "iq error > " ALICE "/a internal-server-error");
    expect_nothing_routed();
    arrive("<presence from='both@y.z/r' to='" ALICE "'/>");
    expect(a, "presence both@y.z/r > " ALICE);
}

static void test_bad_requests(void **state)
{
    (void)state;
    say(a, BLOCK(""));
    expect(a, "iq error > " ALICE "/a bad-request");
    say(a, BLOCK("<item/>"));
    expect(a, "iq error > " ALICE "/a bad-request");
    say(a, BLOCK(ITEM("a@b@c")));
    expect(a, "iq error > " ALICE "/a jid-malformed");
    expect_nothing_routed();
}

/* §4: nobody shuts himself out. */
static void test_oneself(void **state)
{
    (void)state;
    block_quietly(BLOCK(ITEM(ALICE)));
    say(a, "<message to='" ALICE "/a' type='chat'/>");
    expect(a, "message chat " ALICE "/a > " ALICE "/a");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_contacts, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_block_contact), TEST(test_block_domain), TEST(test_block_directed),
        TEST(test_incoming),      TEST(test_outgoing),     TEST(test_not_committed),
        TEST(test_bad_requests),  TEST(test_oneself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
