/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas between homes: what goes where, what a node may say, and what is done with the rest.
 */
#include "tests/unit/homes_world.h"

/* --- out --- */

static void stanzas_go_to_the_home(void **state)
{
    (void)state;
    say(alice, "<iq to='bob@example.net/b' type='get' id='1'><query xmlns='a'/></iq>");
    expect_routed("message alice@alpha.example.net > bob@beta.example.net [home alpha: iq get "
                  "alice@example.net/a > bob@example.net/b <query>]");
    say(alice, "<message to='bob@example.net' type='chat'>" COMPOSING "</message>");
    expect_routed("message alice@alpha.example.net > bob@beta.example.net [home alpha: message "
                  "chat alice@example.net/a > bob@example.net <composing>]");
    say(alice, "<presence to='bob@example.net'/>");
    expect_routed("message alice@alpha.example.net > alice@beta.example.net [home alpha: presence "
                  "alice@example.net/a > bob@example.net]");
    expect_nothing_routed();
    expect_nothing(alice);
}

static void order_is_kept_while_it_is_looked_up(void **state)
{
    (void)state;
    fake.looks_up = true;
    fake_say(alice, "<iq to='bob@example.net/b' type='get' id='1'><query xmlns='a'/></iq>");
    fake_say(alice, "<iq to='carol@example.net/c' type='get' id='2'><query xmlns='a'/></iq>");
    pump();
    expect_routed("message alice@alpha.example.net > bob@beta.example.net [home alpha: iq get "
                  "alice@example.net/a > bob@example.net/b <query>]");
    expect_nothing_routed(); /* Carol is here, and has no such resource */
    expect(alice, "iq error carol@example.net/c > alice@example.net/a service-unavailable");
}

static void unknown_is_wait(void **state)
{
    (void)state;
    fake.looks_up = fake.unknown = true;
    say(alice, MESSAGE("who@example.net", "1"));
    expect(alice, "message error who@example.net > alice@example.net/a remote-server-timeout");
    say(alice, "<iq to='who@example.net' type='get' id='1'><query xmlns='a'/></iq>");
    expect(alice, "iq error who@example.net > alice@example.net/a remote-server-timeout");
    expect_nothing_routed();
    assert_int_equal(fake.offers, 0);
}

static void nodes_are_no_names(void **state)
{
    (void)state;
    say(alice, MESSAGE("bob@beta.example.net", "1"));
    expect(alice,
           "message error bob@beta.example.net > alice@example.net/a remote-server-not-found");
    say(alice, "<iq to='beta.example.net' type='get' id='1'><query xmlns='a'/></iq>");
    expect(alice, "iq error beta.example.net > alice@example.net/a remote-server-not-found");
    expect_nothing_routed();
}

/* To whoever owns the slot of the recipient, as messages. */
static void subscriptions_are_offered(void **state)
{
    (void)state;
    say(alice, "<presence type='subscribe' to='bob@example.net'/>");
    expect_routed("message alice@alpha.example.net > bob@beta.example.net [home alpha: presence "
                  "subscribe alice@example.net > bob@example.net]");
    assert_int_equal(fake.offers, 1);
    expect_nothing_routed();
}

/* What has found no way is an error for whoever waits for an answer, and only for him. */
static void what_comes_back(void **state)
{
    (void)state;
    arrive("<message type='error' from='bob@beta.example.net' to='alice@alpha.example.net'>"
           "<envelope xmlns='urn:kontalk:net:1' stage='home' home='alpha' epoch='1'>"
           "<iq xmlns='jabber:client' type='get' id='1' from='alice@example.net/a' "
           "to='bob@example.net/b'><query xmlns='a'/></iq></envelope>"
           "<error type='wait'><remote-server-timeout "
           "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>");
    expect(alice, "iq error bob@example.net/b > alice@example.net/a remote-server-timeout");
    arrive("<message type='error' from='bob@beta.example.net' to='alice@alpha.example.net'>"
           "<envelope xmlns='urn:kontalk:net:1' stage='home' home='alpha' epoch='1'>"
           "<presence xmlns='jabber:client' from='alice@example.net/a' to='bob@example.net'/>"
           "</envelope></message>");
    expect_nothing(alice);
    /* … but not what another node calls an error */
    arrive("<message type='error' from='bob@beta.example.net' to='alice@example.net'>"
           "<envelope xmlns='urn:kontalk:net:1' stage='home' home='alpha' epoch='1'>"
           "<iq xmlns='jabber:client' type='get' id='1' from='alice@example.net/a' "
           "to='carol@example.net'><query xmlns='a'/></iq></envelope></message>");
    expect_nothing(alice);
    expect_nothing_routed();
}

/* One envelope for all who have their home there. */
static void presence_crosses_once(void **state)
{
    (void)state;
    fake_say(alice, "<presence to='bob@example.net'><status>1</status></presence>");
    fake_say(alice, "<presence to='bill@example.net/b'><status>1</status></presence>");
    fake_say(alice, "<presence to='bob@example.net'><status>2</status></presence>");
    pump();
    expect_routed("message alice@alpha.example.net > alice@beta.example.net [home alpha: "
                  "presence alice@example.net/a > - <status> bob@example.net "
                  "bill@example.net/b]");
    expect_routed("message alice@alpha.example.net > alice@beta.example.net [home alpha: "
                  "presence alice@example.net/a > bob@example.net <status>]");
    expect_nothing_routed();
}

/* … whether that is known or not: first the presence of Carol, then her probes. */
static void broadcasts_cross_once(void **state)
{
    struct client *carol;

    (void)state;
    fake_roster_row(3, "bob@example.net", "both", "");
    fake_roster_row(3, "bill@example.net", "both", "");
    fake_roster_row(3, "alice@example.net", "from", "");
    carol = login("carol", "c");
    for (int i = 0; i < 2; i++) {
        fake.looks_up = i == 0;
        say(carol, i == 0 ? "<presence/>" : "<presence type='unavailable'/>");
        fake_clear(&carol->inbox);
        fake_clear(&alice->inbox);
        if (i == 1) {
            expect_routed("message carol@alpha.example.net > carol@beta.example.net [home alpha: "
                          "presence unavailable carol@example.net/c > - bob@example.net "
                          "bill@example.net]");
            continue;
        }
        expect_routed("message carol@alpha.example.net > carol@beta.example.net [home alpha: "
                      "presence carol@example.net/c > - bob@example.net bill@example.net]");
        expect_routed("message carol@alpha.example.net > carol@beta.example.net [home alpha: "
                      "presence probe carol@example.net/c > - bob@example.net bill@example.net]");
    }
    expect_nothing_routed();
}

/* --- in --- */

static void stanzas_arrive_as_if_from_here(void **state)
{
    (void)state;
    arrive(FROM_BOB("", STANZA("message",
                               "type='chat' from='bob@example.net/b' "
                               "to='alice@example.net'",
                               COMPOSING)));
    expect(alice, "message chat bob@example.net/b > alice@example.net <composing>");
    arrive(FROM_BOB("<to>carol@example.net</to><to>alice@example.net</to>",
                    STANZA("presence", "from='bob@example.net/b'", "")));
    expect(alice, "presence bob@example.net/b > alice@example.net");
    expect_nothing(alice);
    expect_nothing_routed();
}

/* Another worker of this node has the slot. */
static void split_by_slot(void **state)
{
    (void)state;
    for (size_t slot = 0; slot < SLOTS; slot++)
        fake.lost[slot] = slot != slot_of("alice@example.net");
    arrive(FROM_BOB("<to>carol@example.net</to><to>alice@example.net</to>",
                    STANZA("presence", "from='bob@example.net/b'", "")));
    expect(alice, "presence bob@example.net/b > alice@example.net");
    expect_routed("presence bob@example.net/b > carol@example.net");
    expect_nothing_routed();
}

/* The router takes nothing foreign from a worker, whoever is about to get the slot. */
static void foreign_stanzas_are_written_to_nobody(void **state)
{
    (void)state;
    for (size_t slot = 0; slot < SLOTS; slot++)
        fake.lost[slot] = true;
    arrive(ENVELOPE(AT_BETA("carol"), OURS("carol"), "gateway", "beta", "",
                    STANZA("presence", "from='x@y.z/r' to='carol@example.net'", "")));
    expect_nothing_routed();
    arrive(ENVELOPE(AT_BETA("carol"), OURS("carol"), "gateway", "beta", "",
                    STANZA("iq", "type='get' id='1' from='x@y.z/r' to='carol@example.net'",
                           "<query xmlns='a'/>")));
    expect_routed("iq error carol@example.net > x@y.z/r resource-constraint");
    expect_nothing_routed();
}

/* Nor an error in the name of somebody else, for an account whose slot was lost meanwhile. */
static void errors_are_written_in_nobody_elses_name(void **state)
{
    (void)state;
    for (size_t slot = 0; slot < SLOTS; slot++)
        fake.lost[slot] = true;
    arrive("<message type='error' from='hall@beta.example.net' to='alice@alpha.example.net'>"
           "<envelope xmlns='urn:kontalk:net:1' stage='home' home='alpha' epoch='1'>"
           "<iq xmlns='jabber:client' type='get' id='1' from='alice@example.net/a' "
           "to='hall@rooms.example.net'><query xmlns='a'/></iq></envelope></message>");
    expect_nothing_routed();
}

static void forged_envelopes_get_nowhere(void **state)
{
#define CHAT(from, to) STANZA("message", "type='chat' from='" from "' to='" to "'", COMPOSING)
    static const char *const forged[] = {
        /* somebody whose home is here, or whose home the node does not serve */
        FROM_BOB("", CHAT("carol@example.net/c", "alice@example.net")),
        FROM_BOB("", CHAT("alice@example.net/a", "alice@example.net")),
        ENVELOPE(AT_BETA("bob"), OURS("alice"), "home", "alpha", "",
                 CHAT("bob@example.net/b", "alice@example.net")),
        /* somebody of no home, and a host */
        FROM_BOB("", CHAT("x@y.z/r", "alice@example.net")),
        FROM_BOB("", CHAT("example.net", "alice@example.net")),
        FROM_BOB("", CHAT("bob@beta.example.net", "alice@example.net")),
        /* no transit, to nobody's domain, to no address, to nobody */
        FROM_BOB("", CHAT("bob@example.net/b", "x@y.z")),
        FROM_BOB("", CHAT("bob@example.net/b", "example.net")),
        FROM_BOB("<to>x@y.z</to>", CHAT("bob@example.net/b", "alice@example.net")),
        FROM_BOB("<to>@</to>", CHAT("bob@example.net/b", "alice@example.net")),
        FROM_BOB("", STANZA("presence", "from='bob@example.net/b'", "")),
        /* a gateway speaks for foreign domains only */
        ENVELOPE(AT_BETA("alice"), OURS("alice"), "gateway", "beta", "",
                 CHAT("bob@example.net/b", "alice@example.net")),
        ENVELOPE(AT_BETA("alice"), OURS("alice"), "gateway", "beta", "",
                 CHAT("room@conference.example.net/b", "alice@example.net")),
        ENVELOPE(AT_BETA("alice"), OURS("alice"), "gateway", "beta", "",
                 CHAT("beta.example.net", "alice@example.net")),
        /* no envelope of ours */
        ENVELOPE(AT_BETA("bob"), OURS("alice"), "front", "beta", "",
                 CHAT("bob@example.net/b", "alice@example.net")),
        FROM_BOB("", STANZA("message", "type='chat' to='alice@example.net'", COMPOSING)),
        FROM_BOB("", STANZA("presence",
                            "type='?' from='bob@example.net/b' "
                            "to='alice@example.net'",
                            "")),
        FROM_BOB("", "<x xmlns='jabber:client' from='bob@example.net'/>"),
        FROM_BOB("", ""),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
        struct sm *sm = fake.state;

        arrive(forged[i]);
        expect_nothing(alice);
        expect_nothing_routed();
        assert_int_equal(sm->envelopes_refused, i + 1);
    }
}

/* Nothing is forwarded from home to home. */
static void misdirected(void **state)
{
    (void)state;
    fake.at_beta = "bob bill carol ";
    arrive(FROM_BOB("", CHAT("bob@example.net/b", "carol@example.net")));
    expect_nothing_routed();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(stanzas_go_to_the_home),
        TEST(order_is_kept_while_it_is_looked_up),
        TEST(unknown_is_wait),
        TEST(nodes_are_no_names),
        TEST(subscriptions_are_offered),
        TEST(what_comes_back),
        TEST(presence_crosses_once),
        TEST(broadcasts_cross_once),
        TEST(stanzas_arrive_as_if_from_here),
        TEST(split_by_slot),
        TEST(foreign_stanzas_are_written_to_nobody),
        TEST(errors_are_written_in_nobody_elses_name),
        TEST(forged_envelopes_get_nowhere),
        TEST(misdirected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
