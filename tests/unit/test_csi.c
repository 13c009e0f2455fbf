/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Client State Indication (XEP-0352): what waits while nobody looks, and when it comes.
 */
#include "tests/unit/fake_client.h"

#define ALICE       "alice@example.net"
#define STATE(name) "<" name " xmlns='http://jabber.org/protocol/chatstates'/>"
#define FROM(jid)   "from='" jid "' to='" ALICE "/a'"

static struct client *a;

static int with_alice(void **state)
{
    int error = fake_setup(state);

    a = login_available("alice", "a");
    return error;
}

static void say_state(const char *name)
{
    for (const struct c2s_element *row = sm_plugin.elements; row->ns; row++) {
        if (strcmp(row->ns, "urn:xmpp:csi:0") == 0 && strcmp(row->name, name) == 0) {
            row->handle(fake.state, a, a->session, NULL);
        }
    }
    pump();
}

static void test_last_of_each(void **state)
{
    (void)state;
    say_state("inactive");
    arrive("<presence " FROM("x@y.z/1") "><show>away</show></presence>");
    arrive("<presence " FROM("x@y.z/2") "/>");
    arrive("<message type='chat' " FROM("x@y.z/1") ">" STATE("composing") "</message>");
    arrive("<presence type='unavailable' " FROM("x@y.z/1") "/>");
    arrive("<message type='chat' " FROM("x@y.z/1") ">" STATE("paused") "</message>");
    expect_nothing(a);
    arrive("<message type='chat' " FROM("x@y.z/1") "><body>hi</body></message>");
    expect(a, "presence x@y.z/2 > " ALICE "/a");
    expect(a, "presence unavailable x@y.z/1 > " ALICE "/a");
    expect(a, "message chat x@y.z/1 > " ALICE "/a <paused>");
    expect(a, "message chat x@y.z/1 > " ALICE "/a \"hi\"");
    expect_nothing(a);
}

static void test_active(void **state)
{
    (void)state;
    say_state("active");
    say_state("inactive");
    say_state("inactive");
    arrive("<presence " FROM("x@y.z/1") "/>");
    expect_nothing(a);
    say_state("active");
    expect(a, "presence x@y.z/1 > " ALICE "/a");
    arrive("<presence " FROM("x@y.z/1") "/>");
    expect(a, "presence x@y.z/1 > " ALICE "/a");
}

/* §5.1: what the client asks behind it is answered behind what waited. */
static void test_order(void **state)
{
    (void)state;
    say_state("inactive");
    arrive("<presence " FROM("x@y.z/1") "/>");
    for (const struct c2s_element *row = sm_plugin.elements; row->ns; row++) {
        if (strcmp(row->name, "active") == 0) {
            row->handle(fake.state, a, a->session, NULL);
        }
    }
    say(a, "<iq type='get' id='1' to='example.net'><ping xmlns='urn:xmpp:ping'/></iq>");
    expect(a, "presence x@y.z/1 > " ALICE "/a");
    expect(a, "iq result example.net > " ALICE "/a");
}

/* Copies of chat states wait too; whatever else there is does not. */
static const struct {
    const char *xml;
    bool waits;
} rows[] = {
    {"<presence " FROM("x@y.z") "/>", true},
    {"<presence type='unavailable' " FROM("x@y.z") "/>", true},
    {"<presence type='error' " FROM("x@y.z") "/>", false},
    {"<message type='chat' " FROM("x@y.z") ">" STATE("active") "<thread>t</thread></message>",
     true},
    {"<message type='chat' " FROM("x@y.z") ">" STATE("active") "<x xmlns='x'/></message>", false},
    {"<message type='error' " FROM("x@y.z") ">" STATE("active") "</message>", false},
    {"<message " FROM("x@y.z") "><received xmlns='urn:xmpp:receipts' id='1'/></message>", false},
    {"<message " FROM("x@y.z") "><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>",
     false},
    {"<message " FROM("x@y.z") "/>", false},
    {"<message type='headline' " FROM("x@y.z") "><event xmlns='x'/></message>", false},
    {"<iq type='result' id='1' " FROM("x@y.z") "/>", false},
    {"<message type='chat' from='x@y.z' to='" ALICE "/b'>" STATE("active") "</message>", true},
    {"<message type='chat' from='x@y.z' to='" ALICE "/b'><body>b</body></message>", false},
};

static void test_what_waits(void **state)
{
    (void)state;
    login("alice", "b");
    say(a, "<iq type='set' id='e'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fake_clear(&a->inbox);
        say_state("inactive");
        arrive(rows[i].xml);
        assert_int_equal(a->inbox.count, rows[i].waits ? 0 : 1);
        say_state("active");
        assert_int_equal(a->inbox.count, 1);
    }
}

/* Nobody fills the memory with presence. */
static void test_bounded(void **state)
{
    (void)state;
    say_state("inactive");
    for (int i = 0; i < 1001; i++) {
        char *xml = xasprintf("<presence from='x@y.z/%d' to='" ALICE "/a'/>", i);

        assert_int_equal(a->inbox.count, 0);
        arrive(xml);
        free(xml);
    }
    assert_int_equal(a->inbox.count, 1001);
}

static void test_bounded_in_size(void **state)
{
    char *status = xmalloc(50001);

    (void)state;
    memset(status, 'x', 50000);
    status[50000] = '\0';
    say_state("inactive");
    for (int i = 0; i < 60; i++) {
        char *xml = xasprintf("<presence from='x@y.z/%d' to='" ALICE "/a'><status>%s</status>"
                              "</presence>",
                              i, status);

        arrive(xml);
        free(xml);
    }
    assert_true(a->inbox.count > 0);
    free(status);
}

static void test_gone(void **state)
{
    (void)state;
    say_state("inactive");
    arrive("<presence " FROM("x@y.z/1") "/>");
    fake_hang_up(a);
    expect_nothing(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_last_of_each, with_alice, fake_teardown),
        cmocka_unit_test_setup_teardown(test_active, with_alice, fake_teardown),
        cmocka_unit_test_setup_teardown(test_order, with_alice, fake_teardown),
        cmocka_unit_test_setup_teardown(test_what_waits, with_alice, fake_teardown),
        cmocka_unit_test_setup_teardown(test_bounded, with_alice, fake_teardown),
        cmocka_unit_test_setup_teardown(test_bounded_in_size, with_alice, fake_teardown),
        cmocka_unit_test_setup_teardown(test_gone, with_alice, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
