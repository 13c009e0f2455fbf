/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What others see of a session that can be resumed is in its row first (docs/rules/smacks.md, A3b).
 */
#include "tests/unit/smacks_client.h"

#define ALICE "alice@example.net"

static struct client *alice;

static int setup(void **state)
{
    int error = fake_setup(state);

    fake_roster_row(1, "from@y.z", "from", "");
    fake.resume_ms = 600000;
    sm_plugin.reload(fake.state, NULL);
    alice = login("alice", "a");
    free(enable(alice));
    return error;
}

static void test_what_is_said(void **state)
{
    static const char *const said[][2] = {
        {"<presence to='x@y.z'/>", "presence " ALICE "/a > x@y.z"},
        {"<presence/>", "presence " ALICE "/a > from@y.z"},
        {"<presence><priority>3</priority></presence>", "presence " ALICE "/a > from@y.z"},
        {"<presence type='unavailable'/>", "presence unavailable " ALICE "/a > from@y.z"},
    };
    (void)state;

    fake_db.late = true;
    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        say(alice, said[i][0]);
        expect_nothing_routed();
        assert_true(fake_db_waits_for("session_save"));
        answer_all();
        expect_routed(said[i][1]);
    }
    expect_routed("presence unavailable " ALICE "/a > x@y.z");
    expect_nothing_routed();
}

static void test_the_end(void **state)
{
    (void)state;
    say(alice, "<presence/>");
    fake_clear(&fake.router);
    fake_db.late = true;
    alice->gone = true;
    sm_plugin.closed(fake.state, alice->session, CLIENT_CLOSED);
    pump();
    expect_nothing_routed();
    assert_true(fake_db_waits_for("session_delete"));
    answer_all();
    expect_routed("presence unavailable " ALICE "/a > from@y.z");
    expect_nothing_routed();
}

/* While it cannot be written others need not wait for it. */
static void test_it_cannot_be_written(void **state)
{
    (void)state;
    fake_db.status = ERR_UNAVAILABLE;
    say(alice, "<presence/>");
    expect_routed("presence " ALICE "/a > from@y.z");
    say(alice, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    skip_to(alice, "iq result");
    fake_db.status = 0;
}

static void test_result_of_carbons(void **state)
{
    (void)state;
    fake_db.late = true;
    say(alice, "<iq type='set' id='1'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    expect_nothing(alice);
    assert_true(fake_db_waits_for("session_save"));
    answer_all();
    skip_to(alice, "iq result");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_said),
        TEST(test_the_end),
        TEST(test_it_cannot_be_written),
        TEST(test_result_of_carbons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
