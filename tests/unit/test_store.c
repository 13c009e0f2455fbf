/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages on their way into the tables (c2s/sm/store.h): which rows are written together, and that
 * nothing happens before they are committed.
 */
#include "c2s/sm/smacks.h"
#include "c2s/sm/smacks_row.h"
#include "common/stream/ack.h"
#include "tests/unit/fake_client.h"

#define SAY(to, more)       "<message to='" to "' type='chat'><body>1</body>" more "</message>"
#define ORIGIN              "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>"
#define BOB                 "bob@example.net"
#define ALICE               "alice@example.net"
#define FROM_ALICE          "message chat " ALICE "/a > "
#define ERROR(from, reason) "message error " from " > " ALICE "/a " reason

static struct client *alice, *bob;

static int setup(void **state)
{
    int error = fake_setup(state);

    alice = login_available("alice", "a");
    bob = login_available("bob", "b");
    fake_clear(&fake.router);
    fake_db.late = true;
    return error;
}

static void answer(void)
{
    fake_db_answer();
    pump();
}

static long long number(size_t unit, const char *statement, int parameter)
{
    return atoll(fake_db_value(unit, statement, parameter));
}

static void expect_only(struct client *client, const char *line)
{
    expect(client, line);
    expect_nothing(client);
}

static void both_in_one_unit(void **state)
{
    (void)state;
    say(alice, SAY(BOB, ""));
    assert_int_equal(fake_db.waiting_count, 1);
    assert_int_equal(number(0, "store_both", 4), 1);
    assert_int_equal(number(0, "store_both", 9), 2);
    assert_string_equal(fake_db_value(0, "store_both", 6), BOB);
    assert_string_equal(fake_db_value(0, "store_both", 11), ALICE);
    assert_string_equal(fake_db_value(0, "store_both", 14), "");
    expect_nothing(bob);
    answer();
    expect_only(bob, FROM_ALICE BOB " \"1\"");
    expect_nothing(alice);
}

/* The hash of the peer is the one of its JID, also when it is not made anew. */
static void peers(void **state)
{
    uint8_t hash[CRYPTO_HASH_MAX];

    (void)state;
    crypto_digest(CRYPTO_SHA256, BOB, strlen(BOB), hash);
    for (int i = 0; i < 2; i++) {
        char *expected = fake_hex(hash, 32);

        say(alice, SAY(BOB, ""));
        assert_string_equal(fake_db_value(0, "store_both", 7), expected);
        assert_string_not_equal(fake_db_value(0, "store_both", 12), expected);
        answer();
        free(expected);
    }
}

static void for_one_session(void **state)
{
    (void)state;
    say(alice, SAY(BOB "/b", ""));
    assert_string_equal(fake_db_value(0, "store_both", 14), "b");
}

static void to_oneself(void **state)
{
    (void)state;
    say(alice, SAY(ALICE, ""));
    assert_int_equal(fake_db.waiting_count, 1);
    assert_int_equal(number(0, "store_received", 4), 1);
    assert_int_equal(fake_db_has("store_both"), 0);
    answer();
    expect_only(alice, FROM_ALICE ALICE " \"1\"");
}

static void to_another_domain(void **state)
{
    (void)state;
    say(alice, SAY("x@y.z", ""));
    assert_int_equal(fake_db.waiting_count, 1);
    assert_int_equal(number(0, "outbox_insert_with", 2), number(0, "store_sent", 5));
    assert_int_equal(fake.offers, 0);
    answer();
    assert_int_equal(fake.offers, 1);
}

/* By way of the router: the recipient's row is the taker's. */
static void by_the_router(void **state)
{
    (void)state;
    fake.shortcut = false;
    fake.echo = true;
    sm_plugin.reload(fake.state, NULL);
    say(alice, SAY(BOB, ""));
    assert_int_equal(number(0, "outbox_insert_with", 2), number(0, "store_sent", 5));
    answer();
    assert_int_equal(number(0, "store_received_offered", 4), 2);
    expect_nothing(bob);
    answer();
    expect_only(bob, FROM_ALICE BOB " \"1\"");
}

/* XEP-0359 §4: what is known is not delivered, and that is no error. */
static void sent_again(void **state)
{
    static const char *const recipients[] = {SAY(BOB, ORIGIN), SAY("x@y.z", ORIGIN),
                                             SAY(ALICE, ORIGIN)};

    (void)state;
    fake_db.known = true;
    for (size_t i = 0; i < ARRAY_SIZE(recipients); i++) {
        say(alice, recipients[i]);
        answer();
        expect_nothing(bob);
        expect_nothing(alice);
        assert_int_equal(fake.offers, 0);
    }
    fake_db.known = false;
    say(alice, SAY(BOB, ORIGIN));
    assert_string_not_equal(fake_db_value(0, "store_both_known", 15), "");
    answer();
    assert_int_equal(bob->inbox.count, 1);
}

static void what_the_archive_shows(void **state)
{
    static const struct {
        const char *xml, *archived;
    } rows[] = {
        {SAY(BOB, ""), "t"},
        {SAY(BOB, "<no-permanent-store xmlns='urn:xmpp:hints'/>"), "f"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        say(alice, rows[i].xml);
        assert_string_equal(fake_db_value(0, "store_both", 8), rows[i].archived);
        assert_string_equal(fake_db_value(0, "store_both", 13), rows[i].archived);
        answer();
    }
}

static void it_cannot_be_stored(void **state)
{
    static const struct {
        int status;
        const char *line;
    } rows[] = {
        {ERR_LIMIT, ERROR(BOB, "resource-constraint")},
        {ERR_INVALID, ERROR(BOB, "bad-request")},
        {ERR_CONFLICT, ERROR(BOB, "internal-server-error")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        say(alice, SAY(BOB, ""));
        fake_db.status = rows[i].status;
        answer();
        expect(alice, rows[i].line);
        expect_nothing(bob);
    }
}

/* Until it has answered what is asked for in the meantime too. */
static void answer_until(const char *statement)
{
    while (fake_db_waits_for(statement))
        answer();
}

/* A slot was lost while the outcome of the commit was unknown: what is there decides what its
 * sender hears, and the recipient's clients get what they may have missed. */
static void nobody_knows_whether_it_was_stored(void **state)
{
    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        say(alice, SAY(BOB, ORIGIN));
        fake_db.status = ERR_FENCED;
        fake_db.doubtful = true;
        answer();
        fake_db.status = 0;
        fake_db.known = stored;
        assert_true(fake_db_waits_for("offline_read"));
        expect_nothing(alice);
        answer_until("store_find");
        if (!stored)
            expect(alice, ERROR(BOB, "resource-constraint"));
        expect_nothing(alice);
        fake_db.known = false;
        say(alice, SAY(BOB, ""));
        answer_until("store_both");
        assert_true(fake_took(&bob->inbox, FROM_ALICE BOB " \"1\""));
    }
}

static uint32_t h_of(const struct client *client)
{
    const struct session *session = client->session;

    return smacks_h(session->smacks);
}

static void enable_resumption(struct client *client)
{
    struct element *element = fake_parse_element("<enable xmlns='" NS_SM "' resume='true'/>");

    smacks_on_enable(fake.state, client, client->session, element);
    arena_free(element->arena);
    pump();
}

/* Two messages of one group: if the first fails by itself, the h of the second, which covers it, is
 * not in the row of the session before its error has been told. */
static void h_does_not_cover_what_may_fail(void **state)
{
    (void)state;
    fake_db.late = false;
    fake.resume_ms = 600000;
    sm_plugin.reload(fake.state, NULL);
    enable_resumption(alice);
    fake_clear(&alice->inbox);
    fake_db.late = true;
    say(alice, SAY(BOB, ""));
    say(alice, SAY(BOB, ""));
    assert_string_equal(fake_db_value(0, "session_h", 4), "");
    assert_string_equal(fake_db_value(1, "session_h", 4), "1");
    fake_db.status = ERR_INVALID;
    answer();
    fake_db.status = 0;
    fake_db.h_stays = true;
    answer();
    expect(alice, ERROR(BOB, "bad-request"));
    assert_int_equal(h_of(alice), 0);
    fake_db.h_stays = false;
    smacks_row_store_h(alice->session);
    answer();
    assert_int_equal(h_of(alice), 2);
}

/* Who sent it has it in its archive; the error comes behind that. */
static void nobody_takes_it(void **state)
{
    (void)state;
    say(alice, SAY("nobody@example.net", ""));
    answer(); /* the account is looked for */
    assert_int_equal(fake_db_has("store_sent"), 1);
    assert_int_equal(fake_db_has("outbox_insert_with"), 0);
    expect_nothing(alice);
    answer();
    expect(alice, ERROR("nobody@example.net", "service-unavailable"));
}

/* P6: after half a minute senders hear of it, and nothing is queued. */
static void the_database_stands(void **state)
{
    (void)state;
    fake_db.waiting_ms = 29999;
    say(alice, SAY(BOB, ""));
    assert_int_equal(fake_db.waiting_count, 1);
    fake_db.waiting_ms = 30000;
    say(alice, SAY(BOB, ""));
    expect(alice, ERROR(BOB, "resource-constraint"));
    assert_int_equal(fake_db.waiting_count, 1);
}

static void they_overlap(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        say(alice, SAY(BOB, ""));
    assert_int_equal(fake_db.waiting_count, 3);
    say(alice, "<presence to='" BOB "'/>");
    expect_nothing(bob);
    for (size_t i = 0; i < 3; i++)
        answer();
    for (size_t i = 0; i < 3; i++)
        assert_true(fake_took(&bob->inbox, FROM_ALICE BOB " \"1\""));
    assert_true(fake_took(&bob->inbox, "presence " ALICE "/a > " BOB));
}

/* Numbers are the order, whatever the clock does; the time is only shown. */
static void the_clock_is_set_back(void **state)
{
    char *first;

    (void)state;
    clock_fake(clock_monotonic_ms(), INT64_C(1000000000000000));
    say(alice, SAY(BOB, ""));
    clock_fake(clock_monotonic_ms(), INT64_C(900000000000000));
    say(alice, SAY(BOB, ""));
    first = xstrdup(fake_db_value(0, "store_both", 2));
    assert_true(strcmp(fake_db_value(1, "store_both", 2), first) < 0);
    assert_true(number(1, "store_both", 5) > number(0, "store_both", 5));
    assert_true(number(1, "store_both", 10) > number(0, "store_both", 10));
    free(first);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(both_in_one_unit),
        TEST(peers),
        TEST(for_one_session),
        TEST(to_oneself),
        TEST(to_another_domain),
        TEST(by_the_router),
        TEST(sent_again),
        TEST(what_the_archive_shows),
        TEST(it_cannot_be_stored),
        TEST(nobody_knows_whether_it_was_stored),
        TEST(h_does_not_cover_what_may_fail),
        TEST(nobody_takes_it),
        TEST(the_database_stands),
        TEST(they_overlap),
        TEST(the_clock_is_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
