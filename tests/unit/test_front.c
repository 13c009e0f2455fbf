/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of a front: what its clients hear when the worker that serves them answers, is silent,
 * refuses, or is gone, at each step of a login.
 */
#include "tests/unit/front_steps.h"

#define TEMPORARY "<temporary-auth-failure"
#define FAILED    "<remote-connection-failed"
#define WAIT      "<resource-constraint"

/* The same stream, as long as it takes: nothing of the try before is left. */
static void logs_in_again(struct caller *caller)
{
    assert_false(caller->closing);
    assert_int_equal(caller->paused, 0);
    world.heard.length = 0;
    call(caller, AUTH);
    found();
    peer_says("challenge", NULL);
    caller_heard(caller, "<challenge");
    call(caller, RESPONSE);
    peer_says("success", "begins 1");
    caller_heard(caller, "<success");
}

static void test_login(void **state)
{
    (void)state;
    struct caller *caller = reach(BOUND_STEP);

    call(caller, "<message to='bob@example.net'/>");
    peer_heard("s message\n");
    hang_up(caller);
    peer_heard("end how=lost\n");
}

static void silence(struct caller *caller)
{
    caller_heard_nothing(caller);
    for (unsigned ms = 0; ms < CHANNEL_ANSWER_MS + 1000; ms += 500)
        fake_later(500);
}

/* Each wait ends, while the trunk lives. */
static void test_silence(void **state)
{
    (void)state;
    static const struct {
        enum step step;
        const char *hears;
    } rows[] = {{WHERE, TEMPORARY}, {LOGIN, TEMPORARY}, {PROOF, TEMPORARY}, {RESOURCE, FAILED}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct caller *caller = reach(rows[i].step);

        silence(caller);
        caller_heard(caller, rows[i].hears);
        if (rows[i].step < RESOURCE)
            logs_in_again(caller);
        else
            assert_true(caller->closing);
        hang_up(caller);
        world.heard.length = 0;
    }
}

/* Nobody waits for an answer then. */
static void test_no_hurry(void **state)
{
    (void)state;
    struct caller *callers[] = {reach(CHALLENGED), reach(NAMELESS), reach(BOUND_STEP)};

    for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
        silence(callers[i]);
        caller_heard_nothing(callers[i]);
    }
}

/* Whose answer comes too late has been told; what it gives is not taken. */
static void test_late_answer(void **state)
{
    (void)state;
    struct caller *caller = reach(PROOF);

    silence(caller);
    caller_heard(caller, TEMPORARY);
    peer_heard("end how=lost\n");
    peer_says("success", NULL);
    caller_heard_nothing(caller);
    logs_in_again(caller);
}

static void loses_trunk(void)
{
    peer_begins(NULL); /* another process: whatever comes for the old one is reset */
    trunk_begin(world.trunk, "nothing");
    trunk_send(world.trunk);
    front_node_reachable(world.worker.front, "beta.example.net");
    pump();
}

static void says_gone(void)
{
    peer_says("gone", NULL);
}

static void stops(void)
{
    peer_says("close", "condition system-shutdown");
}

/* The home's worker has died, says that it knows nothing of it, or is about to end. */
static void test_loss(void **state)
{
    (void)state;
    void (*const losses[])(void) = {loses_trunk, says_gone, stops};
    static const enum step steps[] = {LOGIN, PROOF};

    for (size_t i = 0; i < ARRAY_SIZE(losses) * ARRAY_SIZE(steps); i++) {
        struct caller *caller = reach(steps[i / ARRAY_SIZE(losses)]);

        losses[i % ARRAY_SIZE(losses)]();
        caller_heard(caller, TEMPORARY);
        logs_in_again(caller);
        hang_up(caller);
        pump();
        world.heard.length = 0;
    }
}

static void test_begin(void **state)
{
    (void)state;
    struct caller *caller = reach_begin();

    peer_says("begun", "jid " ALICE "/phone");
    caller_heard(caller, ALICE "/phone</authorization-identifier>");
    silence(caller);
    call(caller, "<message/>");
    peer_heard("s message\n");
}

static void test_begin_without_an_answer(void **state)
{
    (void)state;
    void (*const losses[])(void) = {loses_trunk, says_gone, NULL};

    for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
        struct caller *caller = reach_begin();

        if (losses[i])
            losses[i]();
        else
            silence(caller);
        caller_heard(caller, TEMPORARY);
        logs_in_again(caller);
        hang_up(caller);
        world.heard.length = 0;
    }
}

/* Who waits for a proof to be asked for hears of the loss when it says the next thing: an answer
 * that comes unasked would be taken for that to its next try. */
static void test_loss_between_two_messages(void **state)
{
    (void)state;
    struct caller *caller = reach(CHALLENGED);

    loses_trunk();
    caller_heard_nothing(caller);
    call(caller, RESPONSE);
    caller_heard(caller, TEMPORARY);
    logs_in_again(caller);
}

/* The home's proof has gone with it; a client that has a session may resume that. */
static void test_loss_behind_the_login(void **state)
{
    (void)state;
    static const struct {
        enum step step;
        const char *hears;
    } rows[] = {{NAMELESS, FAILED}, {RESOURCE, FAILED}, {BOUND_STEP, "<reset"}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct caller *caller = reach(rows[i].step);

        loses_trunk();
        caller_heard(caller, rows[i].hears);
        hang_up(caller);
    }
}

/* --- another worker of this node --- */

/* We have looked into the account ourselves. */
static struct caller *verified_client(void)
{
    struct caller *caller = connect_client();

    assert_int_equal(client_set_account(caller->client, "alice", SASL_SCRAM_SHA_256), 0);
    stream_set_flag(caller->client->stream, STREAM_AUTHENTICATED);
    return caller;
}

static struct caller *reach_sibling(void)
{
    struct caller *caller = verified_client();

    call(caller, BIND);
    peer_heard("open jid=" ALICE "\nbind resource=phone\n");
    return caller;
}

static void another_process(void)
{
    peer_begins(NULL);
    use_sibling("another");
}

/* What we have verified stays so: the resource may be asked for again. */
static void test_sibling(void **state)
{
    (void)state;
    void (*const losses[])(void) = {another_process, says_gone, NULL};

    use_sibling("2");
    for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
        struct caller *caller = reach_sibling();

        if (losses[i])
            losses[i]();
        else
            silence(caller);
        caller_heard(caller, WAIT);
        world.heard.length = 0;
        call(caller, BIND);
        peer_heard("open jid=" ALICE "\nbind resource=phone\n");
        peer_says("bound", "jid " ALICE "/phone");
        caller_heard(caller, ALICE "/phone");
        hang_up(caller);
        world.heard.length = 0;
    }
}

/* It asks to resume: it has to come back. */
static void test_sibling_that_resumes(void **state)
{
    (void)state;
    struct caller *caller = verified_client();

    use_sibling("2");
    call(caller, "<resume xmlns='urn:test'/>");
    peer_heard("open jid=" ALICE "\ns wait=1 resume\n");
    silence(caller);
    caller_heard(caller, "<reset");
    assert_true(caller->closing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(test_login),
        FRONT_TEST(test_silence),
        FRONT_TEST(test_no_hurry),
        FRONT_TEST(test_late_answer),
        FRONT_TEST(test_loss),
        FRONT_TEST(test_begin),
        FRONT_TEST(test_begin_without_an_answer),
        FRONT_TEST(test_loss_between_two_messages),
        FRONT_TEST(test_loss_behind_the_login),
        FRONT_TEST(test_sibling),
        FRONT_TEST(test_sibling_that_resumes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
