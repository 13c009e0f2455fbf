/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of a front: what the other worker may say to its clients, and how much of it.
 */
#include "tests/unit/front_steps.h"

#define FAILED "<internal-server-error"

static uint64_t refused(enum front_refusal what)
{
    return world.worker.front->refused[what];
}

static void peer_sends_to_client(const char *name)
{
    element_add(peer_begins_saying("s", NULL), "jabber:client", name);
    trunk_send(world.trunk);
}

/* A home that is logging somebody in says nothing but SASL. */
static void test_during_the_login(void **state)
{
    (void)state;
    static const struct {
        const char *word, *attributes;
    } rows[] = {{"bound", "jid " ALICE "/phone"},
                {"resumed", "jid " ALICE "/phone"},
                {"begun", "jid " ALICE "/phone"},
                {"s", NULL},
                {"go", NULL},
                {"pause", NULL},
                {"what", NULL}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct caller *caller = reach(LOGIN);

        peer_says(rows[i].word, rows[i].attributes);
        caller_heard(caller, FAILED);
        assert_int_equal(refused(FRONT_REFUSED_EARLY), i + 1);
        assert_null(caller->client->session);
        hang_up(caller);
        world.heard.length = 0;
    }
}

/* Nobody has asked for it: who says nothing is not logged in. */
static void test_unasked(void **state)
{
    (void)state;
    struct caller *caller = reach(CHALLENGED);

    peer_says("challenge", NULL);
    peer_says("success", "begins 1");
    caller_heard_nothing(caller);
    call(caller, RESPONSE);
    peer_says("success", "begins 1");
    caller_heard(caller, "<success");
}

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        const char *attributes, *hears;
        unsigned tries;
    } rows[] = {
        {"condition not-authorized counts 1", "<not-authorized", 1},
        {"condition not-authorized", "<not-authorized", 0},
        {"condition account-disabled", "<account-disabled", 0},
        {"condition temporary-auth-failure counts 1", "<temporary-auth-failure", 0},
        {"condition none", "<temporary-auth-failure", 0},
        {NULL, "<temporary-auth-failure", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct caller *caller = reach(PROOF);

        peer_says("failure", rows[i].attributes);
        caller_heard(caller, rows[i].hears);
        assert_int_equal(caller->client->tries, rows[i].tries);
        peer_heard(""); /* it has ended it itself */
        hang_up(caller);
    }
}

static void test_no_base64(void **state)
{
    (void)state;
    struct caller *caller = reach(LOGIN);

    element_add_text(peer_begins_saying("challenge", NULL), "?");
    trunk_send(world.trunk);
    pump();
    caller_heard(caller, "<temporary-auth-failure");
}

/* It gives what is not its own to give, or not asked for. */
static void test_sessions_of_others(void **state)
{
    (void)state;
    static const struct {
        const char *word, *attributes;
    } rows[] = {{"bound", "jid bob@example.net/phone"},
                {"bound", "jid " ALICE},
                {"bound", "jid @"},
                {"bound", NULL},
                {"resumed", "jid bob@example.net/x"},
                {"begun", "jid " ALICE "/phone"}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct caller *caller = reach(RESOURCE);

        peer_says(rows[i].word, rows[i].attributes);
        caller_heard(caller, FAILED);
        assert_int_equal(refused(FRONT_REFUSED_HOME), i + 1);
        assert_null(caller->client->session);
        hang_up(caller);
        world.heard.length = 0;
    }
}

static void test_begun_for_others(void **state)
{
    (void)state;
    static const char *const gifts[] = {"jid bob@example.net/phone", "jid " ALICE, "jid @"};

    for (size_t i = 0; i < ARRAY_SIZE(gifts); i++) {
        struct caller *caller = reach_begin();

        peer_says("begun", gifts[i]);
        caller_heard(caller, FAILED);
        assert_int_equal(refused(FRONT_REFUSED_HOME), i + 1);
        hang_up(caller);
        world.heard.length = 0;
    }
}

static void test_begun_refused(void **state)
{
    (void)state;
    struct caller *caller = reach_begin();

    peer_says("begun", "refused not-authorized");
    caller_heard(caller, "<not-authorized");
    peer_heard("end how=lost\n");
    assert_int_equal(caller->client->tries, 1);
}

static void test_twice_bound(void **state)
{
    (void)state;
    struct caller *caller = reach(BOUND_STEP);

    peer_says("bound", "jid " ALICE "/tablet"); /* to no question */
    caller_heard_nothing(caller);
    peer_says("resumed", "jid " ALICE "/tablet");
    caller_heard(caller, FAILED);
}

static void test_resource_refused(void **state)
{
    (void)state;
    static const struct {
        const char *attributes, *hears;
    } rows[] = {{"condition conflict", "<conflict"},
                {"condition resource-constraint type wait app resource-limit-exceeded",
                 "resource-limit-exceeded"},
                {"condition none", FAILED},
                {NULL, FAILED}};
    struct caller *caller = reach(NAMELESS);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        call(caller, BIND);
        peer_says("refused", rows[i].attributes);
        caller_heard(caller, rows[i].hears);
    }
    assert_false(caller->closing);
}

static void test_reading_stops(void **state)
{
    (void)state;
    struct caller *caller = reach(BOUND_STEP);

    peer_says("read", NULL); /* it has not been stopped */
    assert_int_equal(caller->paused, 0);
    peer_says("pause", NULL);
    peer_says("pause", NULL);
    peer_says("read", NULL);
    assert_int_equal(caller->paused, 1);
    peer_says("read", NULL);
    peer_says("go", NULL);
    assert_int_equal(caller->paused, 0);
}

static void test_credit(void **state)
{
    (void)state;
    struct caller *caller = reach(BOUND_STEP);

    for (unsigned i = 1; i < CHANNEL_CREDIT; i++)
        peer_sends_to_client("message");
    pump();
    peer_heard("");
    peer_sends_to_client("message");
    pump();
    peer_heard("credit n=32\n");
    caller_heard(caller, "<message");
}

/* Whoever reads slowly gets no credit until it has read. */
static void test_no_credit(void **state)
{
    (void)state;
    struct caller *caller = reach(BOUND_STEP);

    caller->queued = world.worker.limits.send_queue + 1;
    for (unsigned i = 0; i < 2 * CHANNEL_CREDIT; i++)
        peer_sends_to_client("message");
    pump();
    peer_heard("");
    caller->queued = 0;
    client_transport_drained(caller->client);
    pump();
    peer_heard("credit n=64\n");
}

static void test_end_by_the_owner(void **state)
{
    (void)state;
    static const struct {
        const char *attributes, *hears;
    } rows[] = {{"condition conflict text bye", "<conflict"},
                {"condition none", "</stream:stream>"},
                {NULL, "</stream:stream>"},
                {"stuck 1", ""}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct caller *caller = reach(BOUND_STEP);

        peer_says("close", rows[i].attributes);
        if (*rows[i].hears)
            caller_heard(caller, rows[i].hears);
        else
            assert_true(caller->closing);
        peer_sends_to_client("message");
        pump();
        caller_heard_nothing(caller);
        hang_up(caller);
        peer_heard("");
    }
}

/* An answer from another node than that which was asked. */
static void test_found_elsewhere(void **state)
{
    (void)state;
    struct jid *beta = world.peer;
    struct caller *caller = reach(WHERE);

    world.peer = jid_dup(&(struct jid){.domain = "gamma.example.net",
                                       .resource = "c2s-1",
                                       .bare = "gamma.example.net",
                                       .full = "gamma.example.net/c2s-1"});
    peer_tells("here", world.question);
    peer_heard("");
    free(world.peer);
    world.peer = beta;
    peer_tells("here", "no number");
    peer_tells("here", NULL);
    peer_heard("");
    found();
    peer_heard("login mechanism=SCRAM-SHA-256\n");
    caller_heard_nothing(caller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(test_during_the_login),
        FRONT_TEST(test_unasked),
        FRONT_TEST(test_failures),
        FRONT_TEST(test_no_base64),
        FRONT_TEST(test_sessions_of_others),
        FRONT_TEST(test_begun_for_others),
        FRONT_TEST(test_begun_refused),
        FRONT_TEST(test_twice_bound),
        FRONT_TEST(test_resource_refused),
        FRONT_TEST(test_reading_stops),
        FRONT_TEST(test_credit),
        FRONT_TEST(test_no_credit),
        FRONT_TEST(test_end_by_the_owner),
        FRONT_TEST(test_found_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
