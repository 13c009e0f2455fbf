/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers between homes: taken once, from whom may make them, again when they were lost; and what
 * foreign servers offer at another node than the home's.
 */
#include "tests/unit/homes_world.h"

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

/* Those for one account wait for each other, and know each other by the ids under which they go. */
static void several_senders_in_one_list(void **state)
{
    struct client *carol = login("carol", "c");
    char *first, *line;

    (void)state;
    say(alice, MESSAGE("bob@example.net", "1"));
    first = offered_id();
    say(carol, MESSAGE("bob@example.net", "2"));
    line = xasprintf(" 1 %s\n", first);
    assert_int_equal(fake.offers, 1);
    assert_true(strncmp(fake.offered.data, "carol@example.net/", 18) == 0);
    assert_string_equal(strchr(fake.offered.data, ' '), line);
    fake_clear(&fake.router);
    free(offered_id());
    free(line);
    free(first);
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

/* A router that does not know that node yet is no answer. */
static void no_such_node_is_not_for_good(void **state)
{
    char *id;

    (void)state;
    say(alice, MESSAGE("bob@example.net", "1"));
    fake_clear(&fake.router);
    id = offered_id();
    word(DURABLE_REFUSED, id, AT_BETA("bob"), OURS("alice"), STANZA_REMOTE_SERVER_NOT_FOUND,
         "cancel");
    expect_nothing(alice);
    fake_pass(1000);
    assert_int_equal(fake.offers, 1);
    fake_clear(&fake.router);
    free(id);
}

/* The directory does not remember it any more when it is offered again. */
static void home_is_looked_up_again(void **state)
{
    char *id;

    (void)state;
    say(alice, MESSAGE("bob@example.net", "1"));
    fake_clear(&fake.router);
    id = offered_id();
    fake.looks_up = true;
    word(DURABLE_REFUSED, id, AT_BETA("bob"), OURS("alice"), STANZA_REMOTE_SERVER_TIMEOUT, "wait");
    fake_later(3000);
    assert_int_equal(fake.offers, 1);
    assert_false(fake.looks_up);
    fake_clear(&fake.router);
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
    expect_answers("alpha.example.net > bob@beta.example.net forget alpha.example.net/s2s/1\n");
    fake_clear(&fake.router);
}

/* By the worker itself: what is answered to the room's name goes to the worker of another slot. */
static void rooms_speak_by_the_worker(void **state)
{
    (void)state;
    offer("hall@rooms.example.net/1/a", NULL,
          STANZA("message",
                 "type='groupchat' from='hall@rooms.example.net/n' to='bob@example.net/b'",
                 "<body>1</body>"));
    expect_routed(
        "message alpha.example.net/c2s-1 > beta.example.net [home alpha: message groupchat "
        "hall@rooms.example.net/n > - \"1\"]");
    assert_string_equal(fake.offered.data, "to bob@beta.example.net/b: "
                                           "alpha.example.net/hall@rooms.example.net/1/a 1 -\n");
    word(DURABLE_TOOK, "alpha.example.net/hall@rooms.example.net/1/a", AT_BETA("bob"),
         "alpha.example.net/c2s-1", 0, NULL);
    expect_answers("took hall@rooms.example.net/1/a\n");
}

/* What a process before this one passed on is offered again: it may not be forgotten before. */
static void passed_on_by_another(void **state)
{
    static const char *const ids[] = {"s2s/1", "hall@rooms.example.net/1/a"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        char *id = xasprintf("alpha.example.net/%s", ids[i]);

        word(DURABLE_TOOK, id, AT_BETA("bob"), "alpha.example.net/c2s-1", 0, NULL);
        free(id);
    }
    expect_answers("");
    word(DURABLE_TOOK, "alice@example.net/1", AT_BETA("bob"), AT_ALPHA("alice"), 0, NULL);
    expect_answers("alice@alpha.example.net > bob@beta.example.net forget alice@example.net/1\n");
}

/* Nothing overtakes what came back, or what a process before this one had in hand. */
static void gateway_keeps_the_order(void **state)
{
    (void)state;
    offer("s2s/2", "s2s/1", FOREIGN);
    expect_answers("refused s2s/2 unexpected-request\n");
    expect_nothing_routed();
    offer("s2s/1", NULL, FOREIGN);
    offer("s2s/2", "s2s/1", FOREIGN);
    word(DURABLE_REFUSED, "alpha.example.net/s2s/1", AT_BETA("bob"), OURS("bob"),
         STANZA_REMOTE_SERVER_TIMEOUT, "wait");
    word(DURABLE_REFUSED, "alpha.example.net/s2s/2", AT_BETA("bob"), OURS("bob"),
         STANZA_UNEXPECTED_REQUEST, "wait");
    expect_answers("refused s2s/1 remote-server-timeout\nrefused s2s/2 unexpected-request\n");
    fake_clear(&fake.router);
    buffer_clear(&fake.offered);
    offer("s2s/2", "s2s/1", FOREIGN);
    expect_answers("refused s2s/2 unexpected-request\n");
    offer("s2s/2", NULL, FOREIGN); /* the one before it has been settled */
    assert_string_equal(fake.offered.data, "alpha.example.net/s2s/2 1 -\n");
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
        TEST(offers_are_taken_once),      TEST(forged_offers),
        TEST(messages_wait_for_the_home), TEST(several_senders_in_one_list),
        TEST(refusals_reach_the_sender),  TEST(no_such_node_is_not_for_good),
        TEST(home_is_looked_up_again),    TEST(moved_is_looked_up_again),
        TEST(lost_offers_are_made_again), TEST(gateway_passes_on),
        TEST(rooms_speak_by_the_worker),  TEST(passed_on_by_another),
        TEST(gateway_keeps_the_order),    TEST(gateway_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
