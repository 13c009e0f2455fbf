/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stream management (XEP-0198, docs/rules/smacks.md) where time and the database matter: what is
 * told when, and what a session is while it waits.
 */
#include "tests/unit/smacks_client.h"

#define R "<r xmlns='" NS_SM "'/>"

static void hang_up(struct client *client)
{
    client->gone = true;
    sm_plugin.closed(fake.state, client->session, CLIENT_LOST);
    pump();
}

/* A client of the account that has not bound anything. */
static struct client *come(const char *bare)
{
    struct client *client = fake_client();
    struct arena *arena = arena_new();
    struct jid jid;

    assert_int_equal(jid_parse(arena, bare, &jid), 0);
    client->jid = jid_dup(&jid);
    client->since_us = clock_monotonic_us();
    arena_free(arena);
    return client;
}

static void resume(struct client *client, const char *id, unsigned h)
{
    char *xml = xasprintf("<resume xmlns='" NS_SM "' previd='%s' h='%u'/>", id, h);

    tell(client, xml);
    free(xml);
}

static struct client *alice;
static char *id;

static int setup(void **state)
{
    int error = fake_setup(state);

    fake.resume_ms = 600000;
    sm_plugin.reload(fake.state, NULL);
    alice = login("alice", "a");
    id = enable(alice);
    fake_db.units = 0;
    return error;
}

static int teardown(void **state)
{
    free(id);
    return fake_teardown(state);
}

static void test_h_is_told_when_the_row_has_it(void **state)
{
    (void)state;
    fake_db.late = true;
    say(alice, "<presence/>");
    tell(alice, R);
    expect_nothing(alice);
    answer_all();
    skip_to(alice, "presence");
    expect(alice, "<a h='1'>");
    tell(alice, R);
    expect(alice, "<a h='1'>");
    assert_int_equal(fake_db.waiting_count, 0);
}

/* A4: after a moment with what there is, and with the rest unasked. */
static void test_late_answers(void **state)
{
    (void)state;
    fake_db.late = true;
    say(alice, "<presence/>");
    fake_clear(&alice->inbox);
    tell(alice, R);
    fake_later(249);
    expect_nothing(alice);
    fake_later(1);
    expect(alice, "<a h='0'>");
    fake_later(1000);
    expect_nothing(alice);
    answer_all();
    skip_to(alice, "presence");
    expect(alice, "<a h='1'>");
    expect_nothing(alice);
}

static void test_h_does_not_rise_while_the_database_fails(void **state)
{
    (void)state;
    fake_db.status = ERR_UNAVAILABLE;
    say(alice, "<presence/>");
    fake_clear(&alice->inbox);
    tell(alice, R);
    fake_later(250);
    expect(alice, "<a h='0'>");
    fake_db.status = 0;
    fake_later(1000);
    expect(alice, "<a h='1'>");
    expect_nothing(alice);
}

/* A unit that a stanza has submitted keeps it unsettled, and so does whatever follows from it. */
static void test_h_waits_for_units(void **state)
{
    (void)state;
    fake_db.late = true;
    say(alice, "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
               "<item jid='x@y.z'/></query></iq>");
    fake_later(500); /* the row is written without it */
    tell(alice, R);
    fake_later(250);
    expect(alice, "<a h='0'>");
    while (fake_db.waiting_count > 0) {
        fake_db_answer();
        pump();
        fake_later(250);
    }
    skip_to(alice, "iq result");
    skip_to(alice, "<a h='1'>");
}

static void test_one_answer_for_many_requests(void **state)
{
    const struct c2s_element *row;
    struct element *element = fake_parse_element(R);

    (void)state;
    row = row_of(element);
    for (int i = 0; i < 1000; i++) {
        row->handle(fake.state, alice, alice->session, element);
    }
    arena_free(element->arena);
    pump();
    expect(alice, "<a h='0'>");
    expect_nothing(alice);
    assert_int_equal(fake_db.units, 0);
}

/* Nothing is added to what a client does not read. */
static void test_no_answer_to_a_full_client(void **state)
{
    (void)state;
    alice->room = 0;
    for (int i = 0; i < 100; i++) {
        tell(alice, R);
    }
    expect_nothing(alice);
    alice->room = FAKE_LINES;
    sm_plugin.writable(fake.state, alice->session);
    pump();
    expect(alice, "<a h='0'>");
    expect_nothing(alice);
}

static void test_without_a_row_it_cannot_be_resumed(void **state)
{
    struct client *bob = login("bob", "b");

    (void)state;
    fake_db.status = ERR_UNAVAILABLE;
    tell(bob, ENABLE);
    expect(bob, "<enabled>");
    fake_db.status = 0;
    say(bob, "<presence/>");
    fake_clear(&bob->inbox);
    tell(bob, R);
    expect(bob, "<a h='1'>");
    fake_db.units = 0;
    tell(bob, R);
    assert_int_equal(fake_db.units, 0);
}

/* A5 */
static void test_presence_alone_is_not_worth_a_question(void **state)
{
    (void)state;
    say(alice, "<presence/>");
    fake_clear(&alice->inbox);
    for (int i = 0; i < 6; i++) {
        arrive("<presence from='x@y.z/r' to='alice@example.net'/>");
        expect(alice, "presence x@y.z/r > alice@example.net");
    }
    arrive("<presence from='x@y.z/r' to='alice@example.net'/>");
    expect(alice, "presence x@y.z/r > alice@example.net");
    expect(alice, "<r>");
    arrive("<iq type='result' id='1' from='x@y.z/r' to='alice@example.net/a'/>");
    expect(alice, "iq result x@y.z/r > alice@example.net/a");
    expect_nothing(alice); /* one question at a time */
    tell(alice, "<a xmlns='" NS_SM "' h='8'/>");
    expect(alice, "<r>");
    tell(alice, "<a xmlns='" NS_SM "' h='9'/>");
    expect_nothing(alice);
    sm_plugin.silent(fake.state, alice->session);
    expect(alice, "<r>");
}

/* A5: who has missed a question is asked again. */
static void test_a_question_that_is_not_answered_is_repeated(void **state)
{
    (void)state;
    say(alice, "<presence/>");
    fake_clear(&alice->inbox);
    for (int i = 0; i <= 16; i++) {
        arrive("<iq type='result' id='1' from='x@y.z/r' to='alice@example.net/a'/>");
        expect(alice, "iq result x@y.z/r > alice@example.net/a");
        if (i % 16 == 0)
            expect(alice, "<r>");
    }
    expect_nothing(alice);
}

static void test_resume_sends_again(void **state)
{
    struct client *again;

    (void)state;
    say(alice, "<presence/>");
    arrive("<iq type='result' id='1' from='x@y.z/r' to='alice@example.net/a'/>");
    fake_clear(&alice->inbox);
    hang_up(alice);
    arrive("<iq type='result' id='2' from='x@y.z/s' to='alice@example.net/a'/>");
    fake_later(599000);
    again = come("alice@example.net");
    resume(again, id, 1);
    skip_to(again, "<resumed h='1'");
    expect(again, "iq result x@y.z/r > alice@example.net/a");
    expect(again, "iq result x@y.z/s > alice@example.net/a");
    expect(again, "<r>");
    expect_nothing(again);
    assert_int_equal(again->paused, 0);
}

/* Written behind (O4), but not forgotten when the account is read again before that. */
static void test_what_was_acknowledged_outlives_a_reload(void **state)
{
    unsigned reads;

    (void)state;
    say(alice, "<presence/>");
    arrive("<message type='chat' from='x@y.z/r' to='alice@example.net'><body>1</body></message>");
    tell(alice, "<a xmlns='" NS_SM "' h='2'/>");
    fake_db.late = true;
    say(alice, "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
               "<item jid='x@y.z'/></query></iq>");
    reads = fake_db.accounts_read;
    fake_db.status = ERR_UNAVAILABLE;
    fake_db_answer();
    pump();
    fake_db.status = 0;
    while (!fake_db_waits_for("offline_delete") && fake_db.waiting_count > 0) {
        fake_db_answer();
        pump();
    }
    assert_int_equal(fake_db.accounts_read, reads + 1);
    assert_true(fake_db_waits_for("offline_delete"));
    answer_all();
}

static void test_time_is_over(void **state)
{
    struct client *again = come("alice@example.net");

    (void)state;
    say(alice, "<presence/>");
    say(alice, "<presence to='x@y.z'/>");
    expect_routed("presence alice@example.net/a > x@y.z");
    hang_up(alice);
    arrive("<iq type='get' id='1' from='x@y.z/r' to='alice@example.net/a'><q xmlns='x'/></iq>");
    expect_nothing_routed();
    fake_later(599999);
    expect_nothing_routed();
    fake_later(2);
    expect_routed("presence unavailable alice@example.net/a > x@y.z");
    expect_routed("iq error alice@example.net/a > x@y.z/r recipient-unavailable");
    resume(again, id, 0);
    expect(again, "<failed><item-not-found>");
}

/* A3: what <resumed/> has told does not fall, however late the database is then. */
static void test_h_does_not_fall_behind_a_resumption(void **state)
{
    struct client *again = come("alice@example.net");

    (void)state;
    say(alice, "<presence/>");
    hang_up(alice);
    resume(again, id, 0);
    skip_to(again, "<resumed h='1'");
    fake_db.late = true;
    say(again, "<presence/>");
    fake_clear(&again->inbox);
    tell(again, R);
    fake_later(250);
    skip_to(again, "<a h='1'>");
    answer_all();
    skip_to(again, "<a h='2'>");
}

/* A3: what the row may not have is said again. */
static void test_resume_while_the_database_fails(void **state)
{
    struct client *again = come("alice@example.net");

    (void)state;
    say(alice, "<presence/>");
    hang_up(alice);
    fake_db.status = ERR_UNAVAILABLE;
    resume(again, id, 0);
    skip_to(again, "<resumed h='0'");
    fake_clear(&again->inbox);
    say(again, "<presence/>");
    tell(again, R);
    fake_later(250);
    skip_to(again, "<a h='0'>");
    fake_db.status = 0;
    for (int i = 0; i < 5; i++) {
        fake_later(250);
    }
    skip_to(again, "<a h='1'>");
}

/* It has gone again before the row could be written. */
static void test_client_goes_while_it_resumes(void **state)
{
    struct client *again = come("alice@example.net"), *third;

    (void)state;
    hang_up(alice);
    fake_later(1000);
    fake_db.late = true;
    resume(again, id, 0);
    assert_int_equal(again->paused, 1);
    again->gone = true;
    sm_plugin.client_gone(fake.state, again);
    fake_db.late = false;
    answer_all();
    expect_nothing(again);
    third = come("alice@example.net");
    resume(third, id, 0);
    skip_to(third, "<resumed h='0'");
}

static void test_session_ends_while_it_is_resumed(void **state)
{
    struct client *again = come("alice@example.net"), *other;

    (void)state;
    hang_up(alice);
    fake_later(1000);
    fake_db.late = true;
    resume(again, id, 0);
    sm_plugin.account_changed(fake.state, again->jid, false, NULL);
    fake_db.late = false;
    answer_all();
    expect(again, "<failed><item-not-found>");
    assert_int_equal(again->paused, 0);
    other = login("alice", "a"); /* nothing is left of it */
    assert_non_null(other->session);
}

/* What the old stream says behind the request is not done: the client says it again. */
static void test_old_stream(void **state)
{
    struct client *again;

    (void)state;
    say(alice, "<presence/>");
    fake_later(1);
    again = come("alice@example.net");
    fake_later(1);
    resume(again, id, 1);
    assert_int_equal(alice->closed, STREAM_CONFLICT);
    assert_null(alice->session);
    skip_to(again, "<resumed h='1'");
}

/* A10: who comes behind a resumption takes it, however soon. */
static void test_resumed_twice_at_once(void **state)
{
    struct client *again[2];

    (void)state;
    hang_up(alice);
    for (size_t i = 0; i < ARRAY_SIZE(again); i++) {
        again[i] = come("alice@example.net");
        resume(again[i], id, 0);
        skip_to(again[i], "<resumed h='0'");
    }
    assert_int_equal(again[0]->closed, STREAM_CONFLICT);
}

/* A7, A8: its resources count, and who is there comes first. */
static void test_who_waits_makes_room(void **state)
{
    struct client *again;

    (void)state;
    hang_up(alice);
    for (int i = 1; i < fake.resources; i++) {
        login("alice", NULL);
    }
    login("alice", "the last");
    again = come("alice@example.net");
    resume(again, id, 0);
    expect(again, "<failed><item-not-found>");
}

/* An orderly stop: the row stays, and nobody hears of it. */
static void test_stop(void **state)
{
    (void)state;
    say(alice, "<presence/>");
    say(alice, "<presence to='x@y.z'/>");
    expect_routed("presence alice@example.net/a > x@y.z");
    hang_up(alice);
    fake_stop();
    expect_nothing_routed();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_h_is_told_when_the_row_has_it),
        TEST(test_late_answers),
        TEST(test_h_does_not_rise_while_the_database_fails),
        TEST(test_h_waits_for_units),
        TEST(test_one_answer_for_many_requests),
        TEST(test_no_answer_to_a_full_client),
        TEST(test_without_a_row_it_cannot_be_resumed),
        TEST(test_presence_alone_is_not_worth_a_question),
        TEST(test_a_question_that_is_not_answered_is_repeated),
        TEST(test_resume_sends_again),
        TEST(test_what_was_acknowledged_outlives_a_reload),
        TEST(test_time_is_over),
        TEST(test_h_does_not_fall_behind_a_resumption),
        TEST(test_resume_while_the_database_fails),
        TEST(test_client_goes_while_it_resumes),
        TEST(test_session_ends_while_it_is_resumed),
        TEST(test_old_stream),
        TEST(test_resumed_twice_at_once),
        TEST(test_who_waits_makes_room),
        TEST(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
