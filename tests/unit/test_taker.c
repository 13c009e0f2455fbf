/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers to accounts: delivered once, however often they come, and taken only once everything that
 * follows from them has been committed.
 */
#include "tests/unit/fake_client.h"

#define MESSAGE(to, body)                                                                          \
    "<message from='x@y.z/r' to='" to "' type='chat'><body>" body "</body></message>"

static void forget(const char *id)
{
    const struct durable durable = {.kind = DURABLE_FORGET, .id = id};

    sm_plugin.answered(fake.state, &durable);
}

static void delivered_once(void **state)
{
    (void)state;
    struct client *alice = login_available("alice", "a");

    offer("s2s/1", NULL, MESSAGE("alice@example.net", "1"));
    expect(alice, "message chat x@y.z/r > alice@example.net \"1\"");
    expect_answers("took s2s/1\n");
    offer("s2s/1", NULL, MESSAGE("alice@example.net", "1"));
    expect_nothing(alice);
    expect_answers("took s2s/1\n");
    forget("s2s/1");
    forget("s2s/never");
    offer("s2s/1", NULL, MESSAGE("alice@example.net", "1"));
    expect(alice, "message chat x@y.z/r > alice@example.net \"1\"");
}

static void forget_row(const char *id, const struct jid *to)
{
    const struct durable durable = {.kind = DURABLE_FORGET, .id = id, .to = *to};

    sm_plugin.answered(fake.state, &durable);
}

/* In one statement, a moment later; at once when there are many. */
static void forgotten_together(void **state)
{
    struct client *alice = login_available("alice", "a");
    (void)state;

    fake_db.late = true;
    fake_db.units = 0;
    forget_row("s2s/1", alice->jid);
    forget_row("s2s/2", alice->jid);
    assert_int_equal(fake_db.units, 0);
    fake_later(100);
    assert_int_equal(fake_db.units, 1);
    assert_true(fake_db_waits_for("taker_forget"));
    for (int i = 0; i < 64; i++) {
        forget_row("s2s/3", alice->jid);
    }
    assert_int_equal(fake_db.units, 2);
    fake_later(100);
    assert_int_equal(fake_db.units, 2);
}

static void taken_when_committed(void **state)
{
    (void)state;
    offer("0", NULL, MESSAGE("alice@example.net", "load"));
    buffer_clear(&fake.answered);
    fake_db.late = true;
    offer("1", NULL, MESSAGE("alice@example.net", "1"));
    offer("2", "1", MESSAGE("alice@example.net", "2"));
    offer("1", NULL, MESSAGE("alice@example.net", "1"));
    expect_answers("");
    fake_db_answer();
    pump();
    expect_answers("took 1\n");
    fake_db_answer();
    pump();
    expect_answers("took 2\n");
    assert_int_equal(fake_db.waiting_count, 0);
}

static void nothing_overtakes(void **state)
{
    (void)state;
    struct client *alice = login_available("alice", "a");

    offer("2", "1", MESSAGE("alice@example.net", "2"));
    expect_answers("refused 2 unexpected-request\n");
    expect_nothing(alice);
    offer("1", NULL, MESSAGE("alice@example.net", "1"));
    offer("2", "1", MESSAGE("alice@example.net", "2"));
    expect_answers("took 1\ntook 2\n");
}

/* An error that goes back is an answer too; the server itself needs no account. */
static void what_nobody_gets_is_taken(void **state)
{
    (void)state;
    offer("1", NULL, MESSAGE("nobody@example.net", "1"));
    expect_routed("message error nobody@example.net > x@y.z/r service-unavailable");
    expect_answers("took 1\n");
    offer("2", NULL, MESSAGE("example.net", "2"));
    expect_routed("message error example.net > x@y.z/r service-unavailable");
    expect_answers("took 2\n");
}

static void not_now(void **state)
{
    (void)state;
    fake_db.status = ERR_UNAVAILABLE;
    offer("1", NULL, MESSAGE("alice@example.net", "1"));
    expect_answers("refused 1 resource-constraint\n");
    expect_nothing_routed();
    fake_db.status = 0;
    offer("1", NULL, MESSAGE("alice@example.net", "1"));
    expect_answers("took 1\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
    const struct CMUnitTest tests[] = {
        TEST(delivered_once),    TEST(forgotten_together),        TEST(taken_when_committed),
        TEST(nothing_overtakes), TEST(what_nobody_gets_is_taken), TEST(not_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
