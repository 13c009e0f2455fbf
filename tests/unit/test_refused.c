/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An error for a message that was refused is in the row of the session before an acknowledgement
 * covers the message (docs/rules/smacks.md, A3c).
 */
#include "c2s/sm/settle.h"
#include "c2s/sm/smacks.h"
#include "c2s/sm/unacked.h"
#include "tests/unit/smacks_client.h"

/* Texts are forgotten beyond twice what fake_config.h says of unacknowledged-stanzas. */
#define KEPT    16
#define R       "<r xmlns='" NS_SM "'/>"
#define REFUSED "message error nobody@example.net > alice@example.net/a service-unavailable"

static struct client *alice;

static int setup(void **state)
{
    int error = fake_setup(state);

    fake.resume_ms = 600000;
    sm_plugin.reload(fake.state, NULL);
    alice = login("alice", "a");
    free(enable(alice));
    return error;
}

static void say_to_nobody(const char *body)
{
    char *xml =
        xasprintf("<message to='nobody@example.net' type='chat'><body>%s</body></message>", body);

    say(alice, xml);
    free(xml);
}

static void answer(void)
{
    fake_db_answer();
    pump();
}

/* What the next write of the row says of errors; it is answered. */
static char *written_errors(void)
{
    char *errors;

    while (fake_db_has("session_save") == 0)
        answer();
    errors = xstrdup(fake_db_value(0, "session_save", 18));
    answer();
    return errors;
}

static void the_row_has_it_before_h(void **state)
{
    char *errors;

    (void)state;
    fake_db.late = true;
    say_to_nobody("1");
    while (fake_db.waiting_count > 0) {
        assert_int_equal(fake_db_has("session_h"), 0);
        answer();
    }
    expect(alice, REFUSED);
    expect(alice, "<r>");
    tell(alice, R);
    expect_nothing(alice);
    assert_string_equal(fake_db_value(0, "session_save", 3), "1");
    errors = written_errors();
    assert_memory_equal(errors, "1 0 ", 4);
    assert_non_null(strstr(errors, "<service-unavailable "));
    free(errors);
    expect(alice, "<a h='1'>");
}

static void it_goes_when_it_is_acknowledged(void **state)
{
    char *errors;

    (void)state;
    say_to_nobody("1");
    fake_later(1000);
    fake_db.late = true;
    tell(alice, "<a xmlns='" NS_SM "' h='1'/>");
    fake_later(1000);
    errors = written_errors();
    assert_string_equal(errors, "");
    free(errors);
}

static uint32_t h_of(const struct client *client)
{
    const struct session *session = client->session;

    return smacks_h(session->smacks);
}

/* What the row has no room for holds h up until the client has it. */
static void more_than_the_row_has(void **state)
{
    char *h;

    (void)state;
    for (int i = 0; i < KEPT; i++)
        say_to_nobody("1");
    fake_clear(&alice->inbox);
    tell(alice, R);
    h = xasprintf("<a h='%d'>", KEPT);
    skip_to(alice, h);
    say_to_nobody("2");
    say_to_nobody("3");
    say(alice, "<message to='bob@example.net' type='chat'><body>4</body></message>");
    fake_clear(&alice->inbox);
    tell(alice, R);
    fake_later(250);
    skip_to(alice, h);
    free(h);
    h = xasprintf("<a xmlns='" NS_SM "' h='%d'/>", KEPT + 1);
    tell(alice, h); /* not the last one of them */
    free(h);
    fake_later(1000);
    assert_int_equal(h_of(alice), KEPT);
    h = xasprintf("<a xmlns='" NS_SM "' h='%d'/>", KEPT + 2);
    tell(alice, h);
    free(h);
    fake_later(1000);
    h = xasprintf("<a h='%d'>", KEPT + 3);
    skip_to(alice, h);
    free(h);
}

/* Errors with the numbers 4, 5 and 7; what comes behind a restart is sent in any case. */
static const struct {
    uint32_t h;
    size_t left;
    const char *column;
} restarts[] = {
    {3, 4, "4 1 2\n<a5 1 2\n<b6 1 2\n<c7 2 2\n<d"},
    {4, 3, "5 1 2\n<b6 1 2\n<c7 2 2\n<d"},
    {6, 2, "7 1 2\n<c8 2 2\n<d"},
    {7, 1, "8 2 2\n<d"},
    {9, 1, "10 2 2\n<d"},
};

static void add_error(struct unacked *unacked, const char *text, int64_t now_us)
{
    assert_true(unacked_add_error(unacked, xstrdup(text), strlen(text), now_us));
}

static char *column_of(const struct unacked *unacked)
{
    struct buffer column = {0};

    unacked_write_errors(unacked, &column);
    return buffer_take(&column);
}

static void expect_column(const struct unacked *unacked, const char *expected)
{
    char *column = column_of(unacked);

    assert_string_equal(column, expected);
    free(column);
}

static void write_three(struct unacked *unacked)
{
    unacked_init(unacked, 100, 10000);
    unacked->acknowledged = 3;
    add_error(unacked, "<a", 1);
    add_error(unacked, "<b", 1);
    unacked_add(unacked, xstrdup("<x"), 2, 1, 1);
    add_error(unacked, "<c", 1);
}

static void they_outlive_their_process(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(restarts); i++) {
        struct unacked unacked, restored;
        char *column;

        write_three(&unacked);
        column = column_of(&unacked);
        assert_string_equal(column, "4 1 2\n<a5 1 2\n<b7 1 2\n<c");
        unacked_init(&restored, 100, 10000);
        unacked_read_errors(&restored, column);
        add_error(&restored, "<d", 2);
        expect_column(&restored, "4 1 2\n<a5 1 2\n<b7 1 2\n<c- 2 2\n<d");
        unacked_restart(&restored, restarts[i].h);
        expect_column(&restored, restarts[i].column);
        assert_int_equal(unacked_sent(&restored), restarts[i].h + restarts[i].left);
        assert_int_equal(restored.errors, restarts[i].left);
        free(column);
        unacked_fini(&restored);
        unacked_fini(&unacked);
    }
}

static void a_row_that_makes_no_sense(void **state)
{
    static const char *const columns[] = {"", "x", "1", "1 2 9\n<a", "- - -", "4294967295"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        struct unacked unacked;

        unacked_init(&unacked, 100, 10000);
        unacked_read_errors(&unacked, columns[i]);
        assert_int_equal(unacked.errors, 0);
        unacked_fini(&unacked);
    }
}

static void there_is_a_limit(void **state)
{
    struct unacked unacked;

    (void)state;
    unacked_init(&unacked, 1000, 1000000);
    for (int i = 0; i < UNACKED_ERRORS; i++)
        add_error(&unacked, "<a", 1);
    assert_false(unacked_add_error(&unacked, xstrdup("<a"), 2, 1));
    unacked_fini(&unacked);
    unacked_init(&unacked, 1000, 1000000);
    assert_false(unacked_add_error(&unacked, xstrdup("<a"), UNACKED_ERROR_BYTES + 1, 1));
    assert_int_equal(unacked.count, 1);
    add_error(&unacked, "<a", 1);
    unacked_fini(&unacked);
}

static void no_progress(void *user)
{
    ++*(int *)user;
}

static void h_that_is_held(void **state)
{
    struct settle_ticket *tickets[3];
    struct settle settle;
    int progress = 0;

    (void)state;
    settle_init(&settle, no_progress, &progress);
    settle_hold(&settle); /* nothing is open */
    tickets[0] = settle_arrived(&settle);
    assert_true(settle_go(tickets[0], 1));
    settle_hold(&settle);
    tickets[1] = settle_arrived(&settle);
    assert_false(settle_go(tickets[1], 1));
    settle_release(tickets[0]);
    settle_release(tickets[1]);
    assert_int_equal(settle_h(&settle), 0);
    settle_unhold(&settle);
    assert_int_equal(settle_h(&settle), 2);
    assert_int_equal(progress, 1);
    tickets[2] = settle_arrived(&settle);
    settle_hold(&settle);
    settle_release(tickets[2]);
    settle_reset(&settle, 2);
    assert_int_equal(settle_h(&settle), 2);
    assert_null(settle.held);
    settle_fini(&settle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_row_has_it_before_h),
        TEST(it_goes_when_it_is_acknowledged),
        TEST(more_than_the_row_has),
        cmocka_unit_test(they_outlive_their_process),
        cmocka_unit_test(a_row_that_makes_no_sense),
        cmocka_unit_test(there_is_a_limit),
        cmocka_unit_test(h_that_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
