/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Accounts and sessions: loading, the queue, holding, binding, conflicts, limits, and what happens
 * when the database, the slot or the account goes away.
 */
#include "c2s/slots.h"
#include "tests/unit/fake_client.h"

#define ROSTER_GET "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>"
#define ROSTER_SET                                                                                 \
    "<iq type='set' id='2'><query xmlns='jabber:iq:roster'><item "                                 \
    "jid='bob@example.net'/></query></iq>"

static unsigned slot_of_alice(void)
{
    return slot_of("alice@example.net");
}

static void test_bind(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    assert_string_equal(client->jid->full, "alice@example.net/a");
    assert_int_equal(client->refused, -1);
}

static void test_bind_chooses_resource(void **state)
{
    struct client *one = login("alice", NULL);
    struct client *two = login("alice", NULL);

    (void)state;
    assert_true(strlen(one->jid->resource) >= 16);
    assert_string_not_equal(one->jid->resource, two->jid->resource);
}

static void test_bind_conflict_newer_wins(void **state)
{
    struct client *old = login_available("alice", "a");
    struct client *watch = login_available("alice", "w");
    struct client *young;

    (void)state;
    fake_clear(&old->inbox);
    young = login("alice", "a");
    assert_int_equal(old->closed, STREAM_CONFLICT);
    expect(watch, "presence unavailable alice@example.net/a > alice@example.net/w");
    arrive("<message to='alice@example.net/a' from='x@y.z' type='chat'><body>hi</body></message>");
    expect(young, "message chat x@y.z > alice@example.net/a \"hi\"");
    expect_nothing(old);
}

static void test_bind_limit(void **state)
{
    struct client *fifth;

    (void)state;
    login("alice", "a");
    login("alice", "b");
    login("alice", "c");
    login("alice", "d");
    fifth = fake_bind("alice", "e");
    pump();
    assert_int_equal(fifth->refused, STANZA_RESOURCE_CONSTRAINT);
    assert_string_equal(fifth->refused_type, "cancel");
    assert_string_equal(fifth->app_name, "resource-limit-exceeded");
    /* The limit counts resources: the same one again takes the place of its older self. */
    assert_non_null(login("alice", "b")->session);
}

static void test_bind_no_account(void **state)
{
    struct client *client = fake_bind("nobody", "a");

    (void)state;
    pump();
    assert_int_equal(client->refused, STANZA_NOT_AUTHORIZED);
}

static void test_bind_database_away(void **state)
{
    struct client *client;

    (void)state;
    fake_db.status = ERR_UNAVAILABLE;
    client = fake_bind("alice", "a");
    pump();
    assert_int_equal(client->refused, STANZA_RESOURCE_CONSTRAINT);
    fake_db.status = 0;
    assert_non_null(login("alice", "a")->session);
}

static void test_bind_slot_of_another(void **state)
{
    struct client *client;

    (void)state;
    fake.lost[slot_of_alice()] = true;
    client = fake_bind("alice", "a");
    pump();
    assert_int_equal(client->refused, STANZA_RESOURCE_CONSTRAINT);
    assert_int_equal(fake_db.units, 0);
}

static void test_client_gone_before_bind(void **state)
{
    struct client *client;

    (void)state;
    fake_db.late = true;
    client = fake_bind("alice", "a");
    pump();
    sm_plugin.client_gone(fake.state, client);
    fake_db.late = false;
    fake_db_answer();
    pump();
    assert_null(client->session);
    assert_int_equal(client->refused, -1);
}

/* Stanzas that come while the account is read wait for it, in order. */
static void test_loading_keeps_order(void **state)
{
    struct client *client;

    (void)state;
    fake_db.late = true;
    client = fake_bind("alice", "a");
    arrive("<message to='alice@example.net/a' from='x@y.z' type='chat'><body>1</body></message>");
    arrive("<message to='alice@example.net/a' from='x@y.z' type='chat'><body>2</body></message>");
    for (int i = 0; i < 4; i++) { /* the account, what modules keep, and the two messages */
        fake_db_answer();
        pump();
    }
    expect(client, "message chat x@y.z > alice@example.net/a \"1\"");
    expect(client, "message chat x@y.z > alice@example.net/a \"2\"");
}

/* What comes behind a write is done after its commit. */
static void test_write_holds_queue(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    fake_db.late = true;
    say(client, ROSTER_SET);
    say(client, "<message to='alice@example.net/a' type='chat'><body>later</body></message>");
    expect_nothing(client);
    fake_db_answer();
    pump();
    expect(client, "iq result > alice@example.net/a");
    expect_nothing(client);
    fake_db_answer();
    pump();
    expect(client, "message chat alice@example.net/a > alice@example.net/a \"later\"");
}

/* What others ask about an account waits for the database beside its queue. */
static void test_strangers_hold_up_nobody(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    fake_db.late = true;
    arrive("<iq type='get' id='1' to='alice@example.net' from='x@y.z/r'>"
           "<vCard xmlns='vcard-temp'/></iq>");
    arrive("<message to='alice@example.net/a' from='x@y.z' type='headline'/>");
    expect(client, "message headline x@y.z > alice@example.net/a");
    fake_db_answer();
    pump();
    expect_routed("iq error alice@example.net > x@y.z/r service-unavailable");
}

static void test_answer_after_session_is_gone(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    fake_db.late = true;
    say(client, ROSTER_SET);
    fake_hang_up(client);
    fake_db_answer();
    pump();
    expect_nothing(client);
    expect_nothing_routed();
}

static void test_fast_client_is_paused(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    fake_db.late = true;
    fake_say(client, ROSTER_SET);
    for (int i = 0; i < 100; i++) {
        fake_say(client, "<message to='x@y.z'/>");
    }
    pump();
    assert_int_equal(client->paused, 1);
    fake_db_answer();
    pump();
    assert_int_equal(client->paused, 0);
    assert_int_equal(fake.router.count, 100);
}

static void test_queue_of_strangers_is_bounded(void **state)
{
    (void)state;
    fake_db.late = true;
    for (int i = 0; i < 1000; i++) {
        arrive("<message to='alice@example.net' from='x@y.z' type='headline'/>");
    }
    expect_nothing_routed();
    arrive("<message to='alice@example.net' from='x@y.z'/>");
    expect_routed("message error alice@example.net > x@y.z resource-constraint");
}

/* A write that failed for certain changes nothing and says so. */
static void test_write_refused(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    say(client, ROSTER_GET);
    expect(client, "iq result > alice@example.net/a roster 0");
    fake_db.status = ERR_SYSTEM;
    say(client, ROSTER_SET);
    expect(client, "iq error > alice@example.net/a internal-server-error");
    fake_db.status = 0;
    say(client, ROSTER_GET);
    expect(client, "iq result > alice@example.net/a roster 0");
}

/* A write that may have taken effect is an error to the client, and the account is read anew. */
static void test_write_of_unknown_outcome(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    fake_db.status = ERR_TIMEOUT;
    fake_db.commit = true;
    fake_say(client, ROSTER_SET);
    fake_db.late = true;
    pump();
    fake_db.late = false;
    fake_db_answer();
    pump();
    expect(client, "iq error > alice@example.net/a resource-constraint");
    fake_db.status = 0;
    fake_db.commit = false;
    say(client, ROSTER_GET);
    expect(client, "iq result > alice@example.net/a roster 1 {bob@example.net none}");
}

/* While the account cannot be read, what its own client says gets an answer too. */
static void test_database_away_for_sessions(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    fake_db.status = ERR_UNAVAILABLE;
    say(client, ROSTER_SET);
    expect(client, "iq error > alice@example.net/a resource-constraint");
    say(client, ROSTER_GET);
    expect(client, "iq error > alice@example.net/a resource-constraint");
    fake_db.status = 0;
    say(client, ROSTER_GET);
    expect(client, "iq result > alice@example.net/a roster 0");
}

static void test_fenced_write_loses_slot(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    fake_db.status = ERR_FENCED;
    say(client, ROSTER_SET);
    fake_db.status = 0;
    assert_int_equal(fake.fenced, 1);
    expect(client, "iq error > alice@example.net/a resource-constraint");
    sm_plugin.slots_changed(fake.state);
    pump();
    assert_int_equal(client->closed, STREAM_RESET);
}

static void test_other_slots_stay(void **state)
{
    struct client *alice = login("alice", "a");
    struct client *bob = login("bob", "b");

    (void)state;
    fake.lost[slot_of_alice()] = true;
    sm_plugin.slots_changed(fake.state);
    pump();
    assert_int_equal(alice->closed, STREAM_RESET);
    assert_int_equal(bob->closed, -1);
    arrive("<message to='alice@example.net' from='x@y.z'/>");
    expect_routed("message error alice@example.net > x@y.z resource-constraint");
}

static void tell_changed(const char *local, bool may_stay, struct client *keep)
{
    struct arena *arena = arena_new();
    struct jid jid;

    assert_int_equal(jid_make(arena, local, FAKE_NETWORK, NULL, &jid), 0);
    sm_plugin.account_changed(fake.state, &jid, may_stay, keep);
    arena_free(arena);
    pump();
}

static void test_account_removed(void **state)
{
    struct client *client = login_available("alice", "a");
    struct client *other = login("alice", "b");

    (void)state;
    fake_db.accounts[0].local = NULL;
    tell_changed("alice", false, NULL);
    assert_int_equal(client->closed, STREAM_NOT_AUTHORIZED);
    assert_int_equal(other->closed, STREAM_NOT_AUTHORIZED);
    arrive("<message to='alice@example.net' from='x@y.z' type='chat'/>");
    expect_routed("message error alice@example.net > x@y.z service-unavailable");
}

static void test_password_changed(void **state)
{
    struct client *changer = login("alice", "a");
    struct client *other = login("alice", "b");

    (void)state;
    tell_changed("alice", false, changer);
    assert_int_equal(changer->closed, -1);
    assert_int_equal(other->closed, STREAM_NOT_AUTHORIZED);
    say(changer, ROSTER_GET);
    expect(changer, "iq result > alice@example.net/a roster 0");
}

/* An address that was none is remembered as such only until somebody makes it one. */
static void test_account_created(void **state)
{
    (void)state;
    arrive("<message to='dave@example.net' from='x@y.z' type='chat'/>");
    expect_routed("message error dave@example.net > x@y.z service-unavailable");
    fake_db.accounts[3].local = "dave";
    tell_changed("dave", true, NULL);
    assert_non_null(login("dave", "d")->session);
}

/* What sessions leave behind reaches the world, but brings no account back to life. */
static void test_stop_with_sessions(void **state)
{
    struct client *alice, *bob;

    (void)state;
    fake_roster_row(1, "bob@example.net", "both", "");
    fake_roster_row(1, "x@y.z", "from", "");
    fake_roster_row(2, "alice@example.net", "both", "");
    alice = login_available("alice", "a");
    bob = login_available("bob", "b");
    fake_clear(&fake.router);
    fake_stop();
    assert_true(fake.stopped);
    assert_int_equal(alice->closed, STREAM_SYSTEM_SHUTDOWN);
    assert_int_equal(bob->closed, STREAM_SYSTEM_SHUTDOWN);
    expect_routed("presence unavailable alice@example.net/a > x@y.z");
}

/* It ends when the last question to the database has been answered. */
static void test_stop_waits_for_database(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    fake_db.late = true;
    say(client, ROSTER_SET);
    fake_bind("bob", "b");
    pump();
    fake_stop();
    assert_false(fake.stopped);
    fake_db_answer();
    pump();
    assert_false(fake.stopped);
    fake_db_answer();
    pump();
    assert_true(fake.stopped);
}

static void test_idle_account_is_let_go(void **state)
{
    unsigned units;

    (void)state;
    fake_hang_up(login("alice", "a"));
    units = fake_db.units;
    clock_fake(1000000 + 59999, 0);
    fake_timers.sweep->fired(fake_timers.sweep->user);
    fake_hang_up(login("alice", "a"));
    assert_int_equal(fake_db.units, units);
    clock_fake(1000000 + 59999 + 60000, 0);
    fake_timers.sweep->fired(fake_timers.sweep->user);
    fake_hang_up(login("alice", "a"));
    assert_int_equal(fake_db.units, 2 * units);
}

static void test_account_in_use_stays(void **state)
{
    struct client *client = login("alice", "a");

    (void)state;
    clock_fake(100000000, 0);
    fake_timers.sweep->fired(fake_timers.sweep->user);
    pump();
    assert_int_equal(client->closed, -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_bind),
        TEST(test_bind_chooses_resource),
        TEST(test_bind_conflict_newer_wins),
        TEST(test_bind_limit),
        TEST(test_bind_no_account),
        TEST(test_bind_database_away),
        TEST(test_bind_slot_of_another),
        TEST(test_client_gone_before_bind),
        TEST(test_loading_keeps_order),
        TEST(test_write_holds_queue),
        TEST(test_strangers_hold_up_nobody),
        TEST(test_answer_after_session_is_gone),
        TEST(test_fast_client_is_paused),
        TEST(test_queue_of_strangers_is_bounded),
        TEST(test_write_refused),
        TEST(test_write_of_unknown_outcome),
        TEST(test_database_away_for_sessions),
        TEST(test_fenced_write_loses_slot),
        TEST(test_other_slots_stay),
        TEST(test_account_removed),
        TEST(test_password_changed),
        TEST(test_account_created),
        TEST(test_stop_with_sessions),
        TEST(test_stop_waits_for_database),
        TEST(test_idle_account_is_let_go),
        TEST(test_account_in_use_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
