/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The roster (RFC 6121 §2): get, set, remove, pushes, versions, errors and limits.
 */
#include "tests/unit/fake_client.h"

#define ALICE     "alice@example.net"
#define GET(ver)  "<iq type='get' id='g'><query xmlns='jabber:iq:roster'" ver "/></iq>"
#define SET(item) "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>" item "</query></iq>"
#define RESULT    "iq result > " ALICE "/a"
#define PUSH      "iq set > " ALICE "/a roster "

static struct client *a;

static void log_in(void)
{
    a = login("alice", "a");
    say(a, GET(""));
    fake_clear(&a->inbox);
}

static void test_get(void **state)
{
    (void)state;
    fake_roster_row(1, "c@y.z", "to", "");
    fake_roster_row(1, "hidden@y.z", "none", "pr");
    a = login("alice", "a");
    say(a, GET(""));
    expect(a, RESULT " roster 0 {c@y.z to}");
    expect_nothing(a);
}

static void test_set(void **state)
{
    (void)state;
    log_in();
    say(a, SET("<item jid='C@Y.z' name='See'><group>One</group><group>Two</group></item>"));
    expect(a, PUSH "1 {c@y.z none 'See' [One] [Two]}");
    expect(a, RESULT);
    say(a, SET("<item jid='c@y.z' name=''/>"));
    expect(a, PUSH "2 {c@y.z none}");
    expect(a, RESULT);
    expect_nothing(a);
}

/* Survives: what was set is what the next session reads from the database. */
static void test_stored(void **state)
{
    (void)state;
    log_in();
    say(a, SET("<item jid='c@y.z' name='See'><group>One</group><group>T&amp;o</group></item>"));
    fake_hang_up(a);
    clock_fake(100000000, 0);
    fake_timers.sweep->fired(fake_timers.sweep->user);
    a = login("alice", "a");
    say(a, GET(""));
    expect(a, RESULT " roster 1 {c@y.z none 'See' [One] [T&o]}");
}

/* §2.1.6: to interested resources, and only to them. */
static void test_push_to_interested(void **state)
{
    struct client *b = login_available("alice", "b");
    struct client *c = login("alice", "c");

    (void)state;
    log_in();
    say(c, GET(""));
    fake_clear(&c->inbox);
    say(a, SET("<item jid='c@y.z'/>"));
    expect(c, "iq set > " ALICE "/c roster 1 {c@y.z none}");
    expect_nothing(b);
}

/* M7: subscription and ask of a set mean nothing. */
static void test_subscription_cannot_be_set(void **state)
{
    (void)state;
    log_in();
    say(a, SET("<item jid='c@y.z' subscription='both' ask='subscribe' approved='true'/>"));
    expect(a, PUSH "1 {c@y.z none}");
    fake_clear(&a->inbox);
    say(a, SET("<item jid='c@y.z' subscription='from'/>"));
    expect(a, PUSH "2 {c@y.z none}");
    expect_nothing_routed();
}

static void test_set_keeps_subscription(void **state)
{
    (void)state;
    fake_roster_row(1, "c@y.z", "both", "");
    fake_roster_row(1, "d@y.z", "none", "aA");
    log_in();
    say(a, SET("<item jid='c@y.z' name='N'/>"));
    expect(a, PUSH "1 {c@y.z both 'N'}");
    expect(a, RESULT);
    say(a, SET("<item jid='d@y.z' subscription='none'/>"));
    expect(a, PUSH "2 {d@y.z none ask approved}");
}

static void test_set_of_who_asks(void **state)
{
    (void)state;
    fake_roster_row(1, "c@y.z", "none", "pr");
    log_in();
    say(a, SET("<item jid='c@y.z' name='N'/>"));
    expect(a, PUSH "1 {c@y.z none 'N'}");
    expect(a, RESULT);
    say(a, "<presence type='subscribed' to='c@y.z'/>");
    expect(a, PUSH "2 {c@y.z from 'N'}");
}

#define LONG_32  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_256 LONG_32 LONG_32 LONG_32 LONG_32 LONG_32 LONG_32 LONG_32 LONG_32

static void test_errors(void **state)
{
    static const struct {
        const char *xml, *condition;
    } cases[] = {
        {SET(""), "bad-request"},
        {SET("<item jid='c@y.z'/><item jid='d@y.z'/>"), "bad-request"},
        {SET("<item/>"), "bad-request"},
        {SET("<item xmlns='other' jid='c@y.z'/>"), "bad-request"},
        {SET("<item jid='c@d@e'/>"), "jid-malformed"},
        {SET("<item jid='c@y.z'><group>A</group><group>A</group></item>"), "bad-request"},
        {SET("<item jid='c@y.z'><group></group></item>"), "not-acceptable"},
        {SET("<item jid='c@y.z'><group>" LONG_256 "x</group></item>"), "not-acceptable"},
        {SET("<item jid='c@y.z' name='" LONG_256 "x'/>"), "not-acceptable"},
        {SET("<item jid='c@y.z'><group>1</group><group>2</group><group>3</group><group>4</group>"
             "<group>5</group><group>6</group><group>7</group><group>8</group><group>9</group>"
             "</item>"),
         "policy-violation"},
        {SET("<item jid='c@y.z' subscription='remove'/>"), "item-not-found"},
        {SET("<item jid='" ALICE "'/>"), "not-allowed"},
        {SET("<item jid='" ALICE "/b'/>"), "not-allowed"},
    };

    (void)state;
    log_in();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *line = xasprintf("iq error > " ALICE "/a %s", cases[i].condition);

        say(a, cases[i].xml);
        expect(a, line);
        expect_nothing(a);
        free(line);
    }
    say(a, GET(""));
    expect(a, RESULT " roster 0");
    say(a, SET("<item jid='c@y.z' name='" LONG_256 "'><group>" LONG_256 "</group></item>"));
    expect(a, PUSH "1 {c@y.z none '" LONG_256 "' [" LONG_256 "]}");
}

/* M6, M7: a roster belongs to its account. */
static void test_foreign(void **state)
{
    struct client *bob = login("bob", "b");

    (void)state;
    fake_roster_row(1, "bob@example.net", "both", "");
    log_in();
    say(bob, "<iq type='get' id='1' to='" ALICE "'><query xmlns='jabber:iq:roster'/></iq>");
    expect(bob, "iq error " ALICE " > bob@example.net/b forbidden");
    say(bob, "<iq type='set' id='1' to='" ALICE "'><query xmlns='jabber:iq:roster'>"
             "<item jid='c@y.z'/></query></iq>");
    expect(bob, "iq error " ALICE " > bob@example.net/b forbidden");
    arrive("<iq type='set' id='1' from='x@y.z' to='" ALICE "'><query xmlns='jabber:iq:roster'>"
           "<item jid='c@y.z'/></query></iq>");
    expect_routed("iq error " ALICE " > x@y.z forbidden");
    expect_nothing(a);
    say(a, GET(""));
    expect(a, RESULT " roster 0 {bob@example.net both}");
}

/* M18 */
static void test_limit(void **state)
{
    (void)state;
    log_in();
    for (int i = 0; i < 10; i++) {
        char *xml = xasprintf(SET("<item jid='c%d@y.z'/>"), i);

        say(a, xml);
        free(xml);
    }
    fake_clear(&a->inbox);
    say(a, SET("<item jid='c10@y.z'/>"));
    expect(a, "iq error > " ALICE "/a resource-constraint");
    say(a, SET("<item jid='c9@y.z' name='N'/>"));
    expect(a, PUSH "11 {c9@y.z none 'N'}");
    expect(a, RESULT);
    say(a, SET("<item jid='c9@y.z' subscription='remove'/>"));
    fake_clear(&a->inbox);
    say(a, SET("<item jid='c10@y.z'/>"));
    expect(a, PUSH "13 {c10@y.z none}");
}

/* §2.5.2: the contact hears of both directions. */
static void test_remove(void **state)
{
    static const struct {
        const char *subscription, *flags, *routed[3];
    } cases[] = {
        {"none", "", {NULL}},
        {"none", "a", {"presence unsubscribe " ALICE " > c@y.z"}},
        {"to", "", {"presence unsubscribe " ALICE " > c@y.z"}},
        {"from",
         "",
         {"presence unsubscribed " ALICE " > c@y.z", "presence unavailable " ALICE "/a > c@y.z"}},
        {"from",
         "a",
         {"presence unsubscribe " ALICE " > c@y.z", "presence unsubscribed " ALICE " > c@y.z",
          "presence unavailable " ALICE "/a > c@y.z"}},
        {"both",
         "",
         {"presence unsubscribe " ALICE " > c@y.z", "presence unsubscribed " ALICE " > c@y.z",
          "presence unavailable " ALICE "/a > c@y.z"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fake_setup(NULL);
        fake_roster_row(1, "c@y.z", cases[i].subscription, cases[i].flags);
        log_in();
        say(a, "<presence/>");
        fake_clear(&a->inbox);
        fake_clear(&fake.router);
        say(a, SET("<item jid='c@y.z' subscription='remove'/>"));
        for (size_t line = 0; line < 3 && cases[i].routed[line]; line++) {
            expect_routed(cases[i].routed[line]);
        }
        expect_nothing_routed();
        expect(a, PUSH "1 {c@y.z remove}");
        expect(a, RESULT);
        say(a, GET(""));
        expect(a, RESULT " roster 1");
        fake_teardown(NULL);
    }
}

/* S14: who waits for an answer goes on waiting. */
static void test_remove_who_asks(void **state)
{
    (void)state;
    fake_roster_row(1, "c@y.z", "to", "p");
    log_in();
    say(a, SET("<item jid='c@y.z' subscription='remove'/>"));
    expect_routed("presence unsubscribe " ALICE " > c@y.z");
    expect_nothing_routed();
    fake_clear(&a->inbox);
    say(a, "<presence/>");
    expect(a, "presence " ALICE "/a > " ALICE "/a");
    expect(a, "presence subscribe c@y.z > " ALICE);
}

/* §2.6 */
static void test_versions(void **state)
{
    struct client *b;

    (void)state;
    log_in();
    say(a, SET("<item jid='c1@y.z'/>"));
    say(a, SET("<item jid='c2@y.z'/>"));
    say(a, SET("<item jid='c1@y.z' name='N'/>"));
    say(a, SET("<item jid='c2@y.z' subscription='remove'/>"));
    b = login("alice", "b");
    say(b, GET(" ver='4'"));
    expect(b, "iq result > " ALICE "/b");
    expect_nothing(b);
    say(b, GET(" ver='2'"));
    expect(b, "iq result > " ALICE "/b");
    expect(b, "iq set > " ALICE "/b roster 3 {c1@y.z none 'N'}");
    expect(b, "iq set > " ALICE "/b roster 4 {c2@y.z remove}");
    expect_nothing(b);
    say(b, GET(" ver=''"));
    expect(b, "iq result > " ALICE "/b roster 4 {c1@y.z none 'N'}");
    say(b, GET(" ver='5'"));
    expect(b, "iq result > " ALICE "/b roster 4 {c1@y.z none 'N'}");
    say(b, GET(" ver='-1'"));
    expect(b, "iq result > " ALICE "/b roster 4 {c1@y.z none 'N'}");
    say(b, GET(" ver='4x'"));
    expect(b, "iq result > " ALICE "/b roster 4 {c1@y.z none 'N'}");
    say(b, GET(" ver='99999999999999999999'"));
    expect(b, "iq result > " ALICE "/b roster 4 {c1@y.z none 'N'}");
}

/* Removed and added again: one push, the last state. */
static void test_version_of_item_that_came_back(void **state)
{
    (void)state;
    log_in();
    say(a, SET("<item jid='c@y.z'/>"));
    say(a, SET("<item jid='c@y.z' subscription='remove'/>"));
    say(a, SET("<item jid='c@y.z' name='N'/>"));
    fake_clear(&a->inbox);
    say(a, GET(" ver='0'"));
    expect(a, RESULT);
    expect(a, PUSH "3 {c@y.z none 'N'}");
    expect_nothing(a);
}

/* A version from before what was forgotten gets the whole roster. */
static void test_version_below_floor(void **state)
{
    (void)state;
    fake_db.accounts[0].version = 7;
    fake_db.accounts[0].floor = 5;
    fake_roster_row(1, "c@y.z", "none", "");
    log_in();
    say(a, GET(" ver='4'"));
    expect(a, RESULT " roster 7 {c@y.z none}");
    say(a, GET(" ver='5'"));
    expect(a, RESULT);
    expect_nothing(a);
}

/* §2.1.6: an answer to a push is for nobody. */
static void test_push_is_acknowledged(void **state)
{
    (void)state;
    log_in();
    say(a, "<iq type='result' id='p'/>");
    say(a, "<iq type='error' id='p'/>");
    expect_nothing(a);
    expect_nothing_routed();
}

static void test_features(void **state)
{
    struct arena *arena = arena_new();
    struct element *features = element_new(arena, NS_STREAM, "features");

    (void)state;
    sm_plugin.features(fake.state, features);
    assert_non_null(element_find(features, "urn:xmpp:features:rosterver", "ver"));
    assert_non_null(element_find(features, "urn:xmpp:features:pre-approval", "sub"));
    arena_free(arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_set),
        TEST(test_stored),
        TEST(test_push_to_interested),
        TEST(test_subscription_cannot_be_set),
        TEST(test_set_keeps_subscription),
        TEST(test_set_of_who_asks),
        TEST(test_errors),
        TEST(test_foreign),
        TEST(test_limit),
        cmocka_unit_test(test_remove),
        TEST(test_remove_who_asks),
        TEST(test_versions),
        TEST(test_version_of_item_that_came_back),
        TEST(test_version_below_floor),
        TEST(test_push_is_acknowledged),
        TEST(test_features),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
