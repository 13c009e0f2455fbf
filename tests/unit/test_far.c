/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence between homes as state: what is said again behind an outage, and what is not.
 */
#include "tests/unit/fake_client.h"

/* Carol and Bob's home is here, alice's and bill's are at beta. */
#define FROM_ALICE(version, to, attributes)                                                        \
    "<message from='alice@beta.example.net' to='alice@example.net'><envelope "                     \
    "xmlns='urn:kontalk:net:1' stage='home' home='beta' epoch='1' version='" version               \
    "'><presence xmlns='jabber:client' from='alice@example.net/a' " attributes "/><to>" to         \
    "</to></envelope></message>"
#define SEEN(version, resource)                                                                    \
    "<message from='beta.example.net' to='carol@example.net'><envelope "                           \
    "xmlns='urn:kontalk:net:1' stage='home' home='beta' epoch='1'>"                                \
    "<seen jid='carol@example.net' version='" version "'><resource>" resource                      \
    "</resource></seen></envelope></message>"
#define SAYS(what) "message carol@alpha.example.net > carol@beta.example.net [home alpha: " what "]"

static struct client *carol;

static int setup(void **state)
{
    int error = fake_setup(state);

    fake.at_beta = "alice bill ";
    fake_roster_row(3, "alice@example.net", "both", "");
    fake_roster_row(3, "bob@example.net", "both", "");
    carol = login("carol", "c");
    say(carol, "<presence/>");
    fake_clear(&carol->inbox);
    fake_clear(&fake.router);
    return error;
}

static void node(bool reachable)
{
    sm_plugin.reachable(fake.state, reachable ? C2S_REACH_ROUTE : C2S_REACH_LOST, FAKE_BETA);
    pump();
}

/* What came last to the router, and the version in it. */
static void expect_routed_only(const char *line)
{
    expect_routed(line);
    expect_nothing_routed();
}

static void what_was_seen_is_compared(void **state)
{
    (void)state;
    arrive(FROM_ALICE("abc", "carol@example.net", ""));
    expect(carol, "presence alice@example.net/a > carol@example.net");
    node(false);
    node(true);
    expect_routed("message alpha.example.net > alice@beta.example.net [home alpha: seen - > - "
                  "<resource>]");
    fake_later(100); /* carol may not have been heard */
    expect_routed_only(SAYS("presence carol@example.net/c > alice@example.net"));
    expect_nothing(carol);
}

/* Nobody is told what he has seen already; all else is said again. */
static void versions_decide(void **state)
{
    char *line;

    (void)state;
    fake_later(120000); /* long ago */
    arrive(SEEN("1", "old"));
    expect_routed(SAYS("presence unavailable carol@example.net/old > alice@example.net"));
    expect_routed(SAYS("presence carol@example.net/c > alice@example.net"));
    line = xasprintf("<message from='beta.example.net' to='carol@example.net'><envelope "
                     "xmlns='urn:kontalk:net:1' stage='home' home='beta' epoch='1'>"
                     "<seen jid='carol@example.net' version='%s'><resource>c</resource></seen>"
                     "</envelope></message>",
                     fake.version);
    arrive(line);
    expect_nothing_routed();
    free(line);
    /* seen without a version */
    say(carol, "<presence type='unavailable'/>");
    fake_clear(&fake.router);
    arrive(SEEN("0", "c"));
    expect_routed_only(SAYS("presence unavailable carol@example.net/c > alice@example.net"));
    /* what is not of this home, or nobody's */
    arrive("<message from='beta.example.net' to='carol@example.net'><envelope "
           "xmlns='urn:kontalk:net:1' stage='home' home='beta' epoch='1'>"
           "<seen jid='alice@example.net' version='1'><resource>c</resource></seen>"
           "<seen jid='nobody@example.net' version='1'><resource>c</resource></seen>"
           "<seen jid='x@y.z' version='1'><resource>c</resource></seen><seen/>"
           "</envelope></message>");
    expect_nothing_routed();
}

static void what_is_known_to_be_lost(void **state)
{
    (void)state;
    fake_later(120000);
    node(false);
    node(true);
    fake_later(100);
    expect_nothing_routed(); /* it has been heard long ago */
    node(false);
    say(carol, "<presence><show>away</show></presence>");
    expect_routed(SAYS("presence carol@example.net/c > alice@example.net <show>"));
    fake_clear(&carol->inbox);
    fake_clear(&fake.router);
    arrive("<message type='error' from='carol@beta.example.net' to='carol@alpha.example.net'>"
           "<envelope xmlns='urn:kontalk:net:1' stage='home' home='alpha' epoch='1' version='1'>"
           "<presence xmlns='jabber:client' from='carol@example.net/c' to='alice@example.net'/>"
           "</envelope><error type='wait'><remote-server-timeout "
           "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
    node(true);
    fake_later(100);
    expect_routed_only(SAYS("presence carol@example.net/c > alice@example.net <show>"));
}

static void given_up_after_a_while(void **state)
{
    struct client *bob = login_available("bob", "b");

    (void)state;
    fake_clear(&carol->inbox);
    arrive(FROM_ALICE("abc", "carol@example.net", ""));
    fake_clear(&carol->inbox);
    node(false);
    fake_later(599000);
    expect_nothing(carol);
    fake_later(2000);
    fake_later(100);
    expect(carol, "presence unavailable alice@example.net/a > carol@example.net");
    expect_nothing(carol);
    expect_nothing(bob);
    node(true); /* there is nothing left to be compared; and beta may have given us up, too */
    fake_clear(&fake.router);
    fake_later(100);
    arrive(FROM_ALICE("abc", "carol@example.net", ""));
    expect(carol, "presence alice@example.net/a > carol@example.net");
    arrive(FROM_ALICE("0", "carol@example.net", "type='unavailable'"));
    expect(carol, "presence unavailable alice@example.net/a > carol@example.net");
    fake_clear(&fake.router);
    node(false);
    node(true);
    expect_nothing_routed();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_seen_is_compared),
        TEST(versions_decide),
        TEST(what_is_known_to_be_lost),
        TEST(given_up_after_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
