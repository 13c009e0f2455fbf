/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence (docs/rules/presence.md): broadcast, probes, directed presence, and the end of it.
 */
#include "tests/unit/fake_client.h"

#define ALICE "alice@example.net"

static int with_contacts(void **state)
{
    int error = fake_setup(state);

    fake_roster_row(1, "both@y.z", "both", "");
    fake_roster_row(1, "from@y.z", "from", "");
    fake_roster_row(1, "to@y.z", "to", "");
    fake_roster_row(1, "none@y.z", "none", "a");
    fake_roster_row(1, "asks@y.z", "none", "pr");
    return error;
}

/* Takes these lines, in whatever order, and nothing else. */
static void expect_routed_all(size_t count, const char *const *lines)
{
    for (size_t i = 0; i < count; i++) {
        if (!fake_took(&fake.router, lines[i])) {
            fail_msg("not sent: %s", lines[i]);
        }
    }
    expect_nothing_routed();
}

#define EXPECT_ROUTED(...)                                                                         \
    expect_routed_all(ARRAY_SIZE(((const char *const[]){__VA_ARGS__})),                            \
                      (const char *const[]){__VA_ARGS__})

static void test_initial(void **state)
{
    struct client *a = login("alice", "a");

    (void)state;
    say(a, "<presence><status>hi</status></presence>");
    EXPECT_ROUTED("presence " ALICE "/a > both@y.z <status>",
                  "presence " ALICE "/a > from@y.z <status>",
                  "presence probe " ALICE "/a > both@y.z", "presence probe " ALICE "/a > to@y.z");
    expect(a, "presence " ALICE "/a > " ALICE "/a <status>");
    expect(a, "presence subscribe asks@y.z > " ALICE);
    expect_nothing(a);
}

static void test_resources_see_each_other(void **state)
{
    struct client *a = login_available("alice", "a");
    struct client *b = login("alice", "b");
    struct client *c = login("alice", "c");

    (void)state;
    say(b, "<presence/>");
    expect(a, "presence " ALICE "/b > " ALICE "/a");
    expect(b, "presence " ALICE "/b > " ALICE "/b");
    expect(b, "presence " ALICE "/a > " ALICE "/b");
    expect(b, "presence subscribe asks@y.z > " ALICE);
    expect_nothing(b);
    expect_nothing(c);
}

static void test_subsequent(void **state)
{
    struct client *a = login_available("alice", "a");

    (void)state;
    fake_clear(&fake.router);
    say(a, "<presence><show>away</show></presence>");
    EXPECT_ROUTED("presence " ALICE "/a > both@y.z <show>",
                  "presence " ALICE "/a > from@y.z <show>");
}

static void test_unavailable(void **state)
{
    struct client *a = login_available("alice", "a");
    struct client *b = login_available("alice", "b");

    (void)state;
    fake_clear(&a->inbox);
    fake_clear(&fake.router);
    say(b, "<presence type='unavailable'><status>bye</status></presence>");
    EXPECT_ROUTED("presence unavailable " ALICE "/b > both@y.z <status>",
                  "presence unavailable " ALICE "/b > from@y.z <status>");
    expect(a, "presence unavailable " ALICE "/b > " ALICE "/a <status>");
    expect_nothing(b);
    /* Once is enough. */
    say(b, "<presence type='unavailable'/>");
    fake_hang_up(b);
    expect_nothing_routed();
    expect_nothing(a);
}

static void test_cut_connection(void **state)
{
    struct client *a = login_available("alice", "a");

    (void)state;
    fake_clear(&fake.router);
    fake_hang_up(a);
    EXPECT_ROUTED("presence unavailable " ALICE "/a > both@y.z",
                  "presence unavailable " ALICE "/a > from@y.z");
}

static void test_never_available(void **state)
{
    (void)state;
    fake_hang_up(login("alice", "a"));
    expect_nothing_routed();
}

static void test_priority(void **state)
{
    static const struct {
        const char *priority;
        bool good;
    } cases[] = {
        {"0", true},     {"127", true},  {"-128", true},  {" 5 ", true},
        {"+5", true},    {"128", false}, {"-129", false}, {"", false},
        {"high", false}, {"1.5", false}, {"1 2", false},  {"99999999999999999999", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct client *a = login("bob", "a");
        char *xml = xasprintf("<presence><priority>%s</priority></presence>", cases[i].priority);

        say(a, xml);
        expect(a, cases[i].good ? "presence bob@example.net/a > bob@example.net/a"
                                : "presence error > bob@example.net/a bad-request");
        free(xml);
        fake_hang_up(a);
        fake_teardown(NULL);
        fake_setup(NULL);
    }
}

/* P5, P6; M9: who may not see the account learns nothing, not even whether it exists. */
static void test_probes(void **state)
{
    static const struct {
        const char *from, *to, *answer;
    } cases[] = {
        {"both@y.z", ALICE, "presence " ALICE "/a > both@y.z"},
        {"from@y.z/r", ALICE, "presence " ALICE "/a > from@y.z/r"},
        {"from@y.z", ALICE "/a", "presence " ALICE "/a > from@y.z"},
        {"from@y.z", ALICE "/gone", "presence unavailable " ALICE "/gone > from@y.z"},
        {"to@y.z", ALICE, "presence unsubscribed " ALICE " > to@y.z"},
        {"none@y.z", ALICE, "presence unsubscribed " ALICE " > none@y.z"},
        {"asks@y.z", ALICE, "presence unsubscribed " ALICE " > asks@y.z"},
        {"x@y.z", ALICE, "presence unsubscribed " ALICE " > x@y.z"},
        {"x@y.z", ALICE "/a", "presence unsubscribed " ALICE " > x@y.z"},
        {"x@y.z", "nobody@example.net", "presence unsubscribed nobody@example.net > x@y.z"},
        {"x@y.z", "nobody@example.net/r", "presence unsubscribed nobody@example.net > x@y.z"},
    };

    (void)state;
    login_available("alice", "a");
    fake_clear(&fake.router);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *xml =
            xasprintf("<presence type='probe' from='%s' to='%s'/>", cases[i].from, cases[i].to);

        arrive(xml);
        expect_routed(cases[i].answer);
        expect_nothing_routed();
        free(xml);
    }
}

static void test_probe_of_somebody_away(void **state)
{
    (void)state;
    login("alice", "a"); /* connected, not available */
    arrive("<presence type='probe' from='both@y.z' to='" ALICE "'/>");
    expect_routed("presence unavailable " ALICE " > both@y.z");
}

/* An account that cannot be read must not lose its subscribers. */
static void test_probe_while_database_is_away(void **state)
{
    (void)state;
    fake_db.status = ERR_UNAVAILABLE;
    arrive("<presence type='probe' from='both@y.z' to='" ALICE "'/>");
    expect_nothing_routed();
}

/* P7 to P9; M11. */
static void test_directed(void **state)
{
    struct client *a = login_available("alice", "a");

    (void)state;
    fake_clear(&fake.router);
    say(a, "<presence to='room@muc.y.z/nick'/>");
    say(a, "<presence to='both@y.z/r'/>");
    say(a, "<presence to='x@y.z'/>");
    say(a, "<presence to='x@y.z' type='unavailable'/>");
    fake_clear(&fake.router);
    say(a, "<presence><show>away</show></presence>");
    EXPECT_ROUTED("presence " ALICE "/a > both@y.z <show>",
                  "presence " ALICE "/a > from@y.z <show>");
    fake_hang_up(a);
    EXPECT_ROUTED("presence unavailable " ALICE "/a > both@y.z",
                  "presence unavailable " ALICE "/a > from@y.z",
                  "presence unavailable " ALICE "/a > room@muc.y.z/nick");
}

static void test_directed_without_initial(void **state)
{
    struct client *a = login("alice", "a");

    (void)state;
    say(a, "<presence to='x@y.z'/>");
    expect_routed("presence " ALICE "/a > x@y.z");
    say(a, "<presence type='unavailable'/>");
    expect_routed("presence unavailable " ALICE "/a > x@y.z");
    fake_hang_up(a);
    expect_nothing_routed();
}

/* P10: who was sent presence may ask the resource something. */
static void test_directed_is_trusted(void **state)
{
    struct client *a = login("alice", "a");

    (void)state;
    arrive("<iq id='1' type='get' from='x@y.z/r' to='" ALICE "/a'><q xmlns='x'/></iq>");
    expect_routed("iq error " ALICE "/a > x@y.z/r service-unavailable");
    say(a, "<presence to='x@y.z'/>");
    arrive("<iq id='1' type='get' from='x@y.z/r' to='" ALICE "/a'><q xmlns='x'/></iq>");
    expect(a, "iq get x@y.z/r > " ALICE "/a <q>");
    say(a, "<presence to='x@y.z' type='unavailable'/>");
    fake_clear(&fake.router);
    arrive("<iq id='1' type='get' from='x@y.z/r' to='" ALICE "/a'><q xmlns='x'/></iq>");
    expect_routed("iq error " ALICE "/a > x@y.z/r service-unavailable");
}

static void test_directed_is_limited(void **state)
{
    struct client *a = login("alice", "a");

    (void)state;
    say(a, "<presence to='x1@y.z'/>");
    say(a, "<presence to='x2@y.z'/>");
    say(a, "<presence to='x3@y.z'/>");
    say(a, "<presence to='x3@y.z'/>");
    expect_nothing(a);
    say(a, "<presence to='x4@y.z'/>");
    expect(a, "presence error x4@y.z > " ALICE "/a policy-violation");
    say(a, "<presence to='x1@y.z' type='unavailable'/>");
    say(a, "<presence to='x4@y.z'/>");
    expect_nothing(a);
}

/* P12 */
static void test_to_nobody(void **state)
{
    struct client *a = login_available("alice", "a");

    (void)state;
    fake_clear(&fake.router);
    say(a, "<presence type='error'/>");
    say(a, "<presence type='probe'/>");
    expect_nothing(a);
    expect_nothing_routed();
}

/* A contact here who is not in memory is not read for presence, only for a probe. */
static void test_nobody_is_loaded_for_presence(void **state)
{
    struct client *bob;

    (void)state;
    fake_roster_row(2, ALICE, "from", "");
    bob = login("bob", "b");
    say(bob, "<presence/>");
    assert_int_equal(fake_db.accounts_read, 1);
}

static void test_two_accounts(void **state)
{
    struct client *alice, *bob;

    (void)state;
    fake_roster_row(1, "bob@example.net", "both", "");
    fake_roster_row(2, ALICE, "both", "");
    alice = login_available("alice", "a");
    bob = login("bob", "b");
    say(bob, "<presence/>");
    expect(alice, "presence bob@example.net/b > " ALICE);
    expect(bob, "presence bob@example.net/b > bob@example.net/b");
    expect(bob, "presence " ALICE "/a > bob@example.net/b");
    fake_hang_up(alice);
    expect(bob, "presence unavailable " ALICE "/a > bob@example.net");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_contacts, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_initial),
        TEST(test_resources_see_each_other),
        TEST(test_subsequent),
        TEST(test_unavailable),
        TEST(test_cut_connection),
        TEST(test_never_available),
        TEST(test_priority),
        TEST(test_probes),
        TEST(test_probe_of_somebody_away),
        TEST(test_probe_while_database_is_away),
        TEST(test_directed),
        TEST(test_directed_without_initial),
        TEST(test_directed_is_trusted),
        TEST(test_directed_is_limited),
        TEST(test_to_nobody),
        TEST(test_nobody_is_loaded_for_presence),
        TEST(test_two_accounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
