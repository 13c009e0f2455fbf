/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * When clients without XEP-0198 are asked whether they have got something (docs/rules/offline.md,
 * O3).
 */
#include "common/stream/ack.h"
#include "tests/unit/fake_client.h"

static struct client *alice, *bob;

static int setup(void **state)
{
    int error = fake_setup(state);

    alice = login_available("alice", "a");
    bob = login_available("bob", "b");
    fake_clear(&alice->inbox);
    return error;
}

/* Bob says so much; returns how many questions Alice gets. */
static unsigned questions_behind(unsigned messages)
{
    unsigned questions = 0;

    for (unsigned i = 0; i < messages; i++)
        say(bob, "<message type='chat' to='alice@example.net'><body>x</body></message>");
    for (char *line; (line = fake_get(&alice->inbox)) != NULL; free(line))
        questions += strncmp(line, "iq get", 6) == 0;
    return questions;
}

static void answer(unsigned number)
{
    char *xml = xasprintf("<iq type='error' id='barrier-%u' to='example.net'/>", number);

    say(alice, xml);
    free(xml);
}

static void test_behind_some(void **state)
{
    (void)state;
    assert_int_equal(questions_behind(7), 0);
    assert_int_equal(questions_behind(1), 1);
    assert_int_equal(questions_behind(100), 0); /* one at a time */
    fake_later(60000);
    assert_int_equal(questions_behind(0), 0);
    answer(1);
    assert_int_equal(questions_behind(1), 1);
}

static void test_behind_a_moment(void **state)
{
    (void)state;
    assert_int_equal(questions_behind(1), 0);
    fake_later(999);
    assert_int_equal(questions_behind(0), 0);
    fake_later(1);
    assert_int_equal(questions_behind(0), 1);
    answer(1);
    fake_later(60000);
    assert_int_equal(questions_behind(0), 0); /* nothing is open */
}

static void test_of_those_that_acknowledge_nothing_is_asked(void **state)
{
    struct element *enable = fake_parse_element("<enable xmlns='" NS_SM "'/>");
    const struct c2s_element *row = sm_plugin.elements;

    (void)state;
    while (!element_is(enable, row->ns, row->name))
        row++;
    row->handle(fake.state, alice, alice->session, enable);
    arena_free(enable->arena);
    pump();
    fake_clear(&alice->inbox);
    assert_int_equal(questions_behind(20), 0);
    fake_later(60000);
    assert_int_equal(questions_behind(0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_behind_some),
        TEST(test_behind_a_moment),
        TEST(test_of_those_that_acknowledge_nothing_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
