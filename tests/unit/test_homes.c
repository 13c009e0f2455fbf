/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas between homes: what goes where, what a node may say, and what is done with the rest.
 */
#include "c2s/sm/sm.h"
#include "tests/unit/fake_client.h"

#define MESSAGE(to, body) "<message to='" to "' type='chat'><body>" body "</body></message>"
#define COMPOSING         "<composing xmlns='http://jabber.org/protocol/chatstates'/>"

static struct client *alice;

static int setup(void **state)
{
    int error = fake_setup(state);

    fake.at_beta = "bob bill ";
    fake.keeps_offers = true;
    alice = login_available("alice", "a");
    fake_clear(&fake.router);
    return error;
}

#define AT_ALPHA(local) local "@alpha.example.net"
#define AT_BETA(local)  local "@beta.example.net"
#define OURS(local)     local "@example.net"
#define ENVELOPE(from, to, stage, home, recipients, stanza)                                        \
    "<message from='" from "' to='" to "'><envelope xmlns='urn:kontalk:net:1' stage='" stage       \
    "' home='" home "' epoch='1'>" recipients stanza "</envelope></message>"
#define FROM_BOB(recipients, stanza)                                                               \
    ENVELOPE(AT_BETA("bob"), OURS("alice"), "home", "beta", recipients, stanza)
#define STANZA(name, attributes, content)                                                          \
    "<" name " xmlns='jabber:client' " attributes ">" content "</" name ">"

/* What beta offers. */
static void offer(const char *id, const char *after, const char *xml)
{
    int problem;
    struct stanza *stanza = fake_parse(xml, &problem);
    const struct durable durable = {.kind = DURABLE_OFFER,
                                    .id = id,
                                    .after = after,
                                    .attempt = 1,
                                    .from = stanza->from,
                                    .to = stanza->to};

    assert_int_equal(problem, -1);
    sm_plugin.offered(fake.state, &durable, stanza);
    pump();
}

static void word(enum durable_kind kind, const char *id, const char *from, const char *to,
                 enum stanza_condition reason, const char *type)
{
    struct arena *arena = arena_new();
    struct durable words = {.kind = kind, .id = id, .reason = reason, .type = type};

    assert_int_equal(jid_parse(arena, from, &words.from), 0);
    assert_int_equal(jid_parse(arena, to, &words.to), 0);
    sm_plugin.answered(fake.state, &words);
    pump();
    arena_free(arena);
}

static void expect_answers(const char *lines)
{
    assert_string_equal(fake.answered.length > 0 ? fake.answered.data : "", lines);
    buffer_clear(&fake.answered);
}

/* The id of the latest offer; the books are cleared. */
static char *offered_id(void)
{
    char *text = fake.offered.data, *last, *id;

    assert_true(fake.offered.length > 0);
    text[fake.offered.length - 1] = '\0';
    last = strrchr(text, '\n');
    last = last ? last + 1 : text;
    id = strndup(last, strcspn(last, " "));
    buffer_clear(&fake.offered);
    fake.offers = 0;
    return id;
}

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

/* --- durable --- */

#define OFFERED(from, to)                                                                          \
    ENVELOPE(AT_BETA(from), OURS(to), "home", "beta", "",                                          \
             STANZA("message",                                                                     \
                    "type='chat' from='" from "@example.net/b' to='" to "@example.net'",           \
                    "<body>1</body>"))

static void offers_are_taken_once(void **state)
{
    (void)state;
    offer("bob@example.net/7", NULL, OFFERED("bob", "alice"));
    expect(alice, "message chat bob@example.net/b > alice@example.net \"1\"");
    expect_answers("alice@alpha.example.net > bob@beta.example.net took bob@example.net/7\n");
    offer("bob@example.net/7", NULL, OFFERED("bob", "alice"));
    expect_answers("alice@alpha.example.net > bob@beta.example.net took bob@example.net/7\n");
    expect_nothing(alice);
    offer("bob@example.net/9", "bob@example.net/8", OFFERED("bob", "alice"));
    expect_answers("alice@alpha.example.net > bob@beta.example.net "
                   "refused bob@example.net/9 unexpected-request\n");
    word(DURABLE_FORGET, "bob@example.net/7", AT_BETA("bob"), OURS("alice"), 0, NULL);
    offer("bob@example.net/9", "bob@example.net/7", OFFERED("bob", "alice"));
    expect_answers("alice@alpha.example.net > bob@beta.example.net "
                   "refused bob@example.net/9 unexpected-request\n");
}

static void forged_offers(void **state)
{
    (void)state;
    offer("carol@example.net/7", NULL, OFFERED("bob", "alice"));
    expect_answers("alice@alpha.example.net > bob@beta.example.net "
                   "refused carol@example.net/7 not-allowed\n");
    offer("bob@example.net/7", NULL, OFFERED("carol", "alice"));
    offer("carol@example.net/7", NULL, OFFERED("carol", "alice"));
    offer("bob@example.net/7", NULL,
          ENVELOPE(AT_BETA("bill"), OURS("alice"), "home", "beta", "",
                   STANZA("message", "type='chat' from='bob@example.net/b' to='alice@example.net'",
                          "<body>1</body>")));
    offer("bob@example.net/7", NULL,
          ENVELOPE(AT_BETA("bob"), OURS("alice"), "gateway", "beta", "",
                   STANZA("message", "type='chat' from='x@y.z' to='alice@example.net'",
                          "<body>1</body>")));
    expect_nothing(alice);
    buffer_clear(&fake.answered);
    /* what others have offered is not its to forget */
    offer("s2s/1", NULL,
          "<message from='x@y.z/r' to='alice@example.net' type='chat'><body>1</body></message>");
    expect(alice, "message chat x@y.z/r > alice@example.net \"1\"");
    word(DURABLE_FORGET, "s2s/1", AT_BETA("bob"), OURS("alice"), 0, NULL);
    offer("s2s/1", NULL,
          "<message from='x@y.z/r' to='alice@example.net' type='chat'><body>1</body></message>");
    expect_nothing(alice);
    buffer_clear(&fake.answered);
}

static void messages_wait_for_the_home(void **state)
{
    char *id, *expected;

    (void)state;
    say(alice, MESSAGE("bob@example.net", "1"));
    expect_routed("message alice@alpha.example.net > bob@beta.example.net [home alpha: message "
                  "chat alice@example.net/a > bob@example.net \"1\"]");
    id = offered_id();
    assert_true(strncmp(id, "alice@example.net/", 18) == 0);
    /* somebody else's answer is none */
    word(DURABLE_TOOK, id, "bob@example.net", OURS("alice"), 0, NULL);
    word(DURABLE_REFUSED, id, "x@y.z", OURS("alice"), STANZA_GONE, "cancel");
    expect_answers("");
    word(DURABLE_TOOK, id, AT_BETA("bob"), OURS("alice"), 0, NULL);
    expect_answers(""); /* until its row is gone */
    fake_pass(1000);
    expected = xasprintf("alice@alpha.example.net > bob@beta.example.net forget %s\n", id);
    expect_answers(expected);
    free(expected);
    free(id);
}

static void refusals_reach_the_sender(void **state)
{
    char *id;

    (void)state;
    say(alice, MESSAGE("bob@example.net", "1"));
    fake_clear(&fake.router);
    id = offered_id();
    word(DURABLE_REFUSED, id, AT_BETA("bob"), OURS("alice"), STANZA_SERVICE_UNAVAILABLE, "cancel");
    expect(alice, "message error bob@example.net > alice@example.net/a service-unavailable");
    free(id);
}

/* Bob has come here meanwhile. */
static void moved_is_looked_up_again(void **state)
{
    struct client *bob;
    char *id;

    (void)state;
    say(alice, MESSAGE("bob@example.net", "1"));
    fake_clear(&fake.router);
    id = offered_id();
    fake.at_beta = "bill ";
    bob = login_available("bob", "b");
    word(DURABLE_REFUSED, id, AT_BETA("bob"), OURS("alice"), STANZA_GONE, "wait");
    expect_nothing(bob);
    fake_pass(1000);
    fake_pass(1000);
    expect(bob, "message chat alice@example.net/a > bob@example.net \"1\"");
    fake_pass(1000);
    expect_answers("");
    free(id);
}

/* What comes too early shows that what was before it is lost. */
static void lost_offers_are_made_again(void **state)
{
    char *first, *second;

    (void)state;
    say(alice, MESSAGE("bob@example.net", "1"));
    first = offered_id();
    say(alice, MESSAGE("bob@example.net", "2"));
    second = offered_id();
    fake_clear(&fake.router);
    word(DURABLE_REFUSED, second, AT_BETA("bob"), OURS("alice"), STANZA_UNEXPECTED_REQUEST, "wait");
    assert_int_equal(fake.offers, 0);
    fake_pass(50);
    assert_int_equal(fake.offers, 2);
    word(DURABLE_TOOK, first, AT_BETA("bob"), OURS("alice"), 0, NULL);
    word(DURABLE_TOOK, second, AT_BETA("bob"), OURS("alice"), 0, NULL);
    fake_clear(&fake.router);
    free(first);
    free(second);
}

/* --- gateway --- */

#define FOREIGN "<message from='x@y.z/r' to='bob@example.net' type='chat'><body>1</body></message>"

static void gateway_passes_on(void **state)
{
    (void)state;
    arrive("<iq from='x@y.z/r' to='bob@example.net/b' type='get' id='1'><query xmlns='a'/></iq>");
    expect_routed("message bob@alpha.example.net > bob@beta.example.net [gateway alpha: iq get "
                  "x@y.z/r > bob@example.net/b <query>]");
    offer("s2s/1", NULL, FOREIGN);
    expect_routed("message bob@alpha.example.net > bob@beta.example.net [gateway alpha: message "
                  "chat x@y.z/r > bob@example.net \"1\"]");
    assert_string_equal(fake.offered.data, "alpha.example.net/s2s/1 1 -\n");
    buffer_clear(&fake.offered);
    offer("s2s/2", "s2s/1", FOREIGN);
    assert_string_equal(fake.offered.data, "alpha.example.net/s2s/2 1 alpha.example.net/s2s/1\n");
    expect_answers("");
    word(DURABLE_TOOK, "alpha.example.net/s2s/1", AT_BETA("bob"), OURS("bob"), 0, NULL);
    expect_answers("took s2s/1\n");
    word(DURABLE_REFUSED, "alpha.example.net/s2s/2", AT_BETA("bob"), OURS("bob"), STANZA_GONE,
         "wait");
    expect_answers("refused s2s/2 remote-server-timeout\n");
    word(DURABLE_FORGET, "s2s/1", "x@y.z", OURS("bob"), 0, NULL);
    expect_answers("bob@alpha.example.net > bob@beta.example.net forget alpha.example.net/s2s/1\n");
    fake_clear(&fake.router);
}

static void gateway_of_another(void **state)
{
    (void)state;
    offer("beta.example.net/s2s/1", NULL,
          ENVELOPE(AT_BETA("alice"), OURS("alice"), "gateway", "beta", "",
                   STANZA("message", "type='chat' from='x@y.z/r' to='alice@example.net'",
                          "<body>1</body>")));
    expect(alice, "message chat x@y.z/r > alice@example.net \"1\"");
    expect_answers(
        "alice@alpha.example.net > alice@beta.example.net took beta.example.net/s2s/1\n");
    word(DURABLE_FORGET, "beta.example.net/s2s/1", AT_BETA("alice"), OURS("alice"), 0, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(stanzas_go_to_the_home),
        TEST(order_is_kept_while_it_is_looked_up),
        TEST(unknown_is_wait),
        TEST(nodes_are_no_names),
        TEST(what_comes_back),
        TEST(presence_crosses_once),
        TEST(broadcasts_cross_once),
        TEST(stanzas_arrive_as_if_from_here),
        TEST(split_by_slot),
        TEST(forged_envelopes_get_nowhere),
        TEST(misdirected),
        TEST(offers_are_taken_once),
        TEST(forged_offers),
        TEST(messages_wait_for_the_home),
        TEST(refusals_reach_the_sender),
        TEST(moved_is_looked_up_again),
        TEST(lost_offers_are_made_again),
        TEST(gateway_passes_on),
        TEST(gateway_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
