/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of an owner: what another worker may say as the front of its accounts' clients, and
 * what becomes of that which it may not.
 */
#include "tests/unit/front_clients.h"

#define SESSION "the session"

static uint64_t refused(enum front_refusal what)
{
    return world.worker.front->refused[what];
}

/* Another channel of the other worker. */
static void open_as(const char *name, const char *attributes)
{
    if (!world.trunk)
        peer_begins(NULL);
    world.channel++;
    peer_says(name, attributes);
}

static void open_by_sibling(void)
{
    use_sibling("2");
    open_as("open", "jid " ALICE " addr 192.0.2.9 sid abc");
}

static struct client *reach_session(void)
{
    struct arena *arena = arena_new();
    struct client *client;
    struct jid full;

    open_by_sibling();
    peer_says("bind", "resource phone");
    plugin_heard("bind " ALICE " phone\n");
    client = world.asking;
    assert_int_equal(jid_parse(arena, ALICE "/phone", &full), 0);
    client_bound(client, &full, SESSION);
    pump();
    peer_heard("bound jid=" ALICE "/phone\n");
    arena_free(arena);
    return client;
}

static void peer_brings(const char *ns, const char *name, const char *from, const char *attributes)
{
    struct element *content = element_add(peer_begins_saying("s", attributes), ns, name);

    element_set(content, "from", from);
    trunk_send(world.trunk);
    pump();
}

static void test_session(void **state)
{
    (void)state;
    struct client *client = reach_session();

    assert_string_equal(client_address(client), "192.0.2.9");
    assert_string_equal(client_stream_id(client), "abc");
    assert_string_equal(client_node(client), "alpha.example.net");
    peer_brings(NS_CLIENT, "message", NULL, NULL);
    peer_brings(NS_CLIENT, "presence", ALICE "/phone", NULL);
    plugin_heard("stanza message " ALICE "/phone\nstanza presence " ALICE "/phone\n");
    peer_says("end", "how closed");
    plugin_heard("ended closed\n");
    peer_says("silent", NULL);
    peer_heard("gone\n");
}

/* What is behind an ended channel is nobody's; that it ends is no news. */
static void test_unknown_channel(void **state)
{
    (void)state;
    static const char *const words[] = {"bind", "s", "credit", "response", "silent", "begin"};

    peer_begins(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        peer_says(words[i], "n 5");
        peer_heard("gone\n");
    }
    peer_says("end", "how lost");
    peer_heard("");
    plugin_heard("");
}

static void test_nobody_of_ours(void **state)
{
    (void)state;
    open_as("open", "jid " ALICE);
    assert_int_equal(refused(FRONT_REFUSED_OPEN), 1);
    peer_says("bind", NULL);
    peer_heard("gone\n");
    open_as("changed", "jid " ALICE);
    assert_int_equal(refused(FRONT_REFUSED_OPEN), 2);
}

static void test_early(void **state)
{
    (void)state;
    open_by_sibling();
    peer_brings(NS_CLIENT, "message", NULL, NULL);
    peer_heard("close condition=not-authorized\n");
    assert_int_equal(refused(FRONT_REFUSED_EARLY), 1);
    plugin_heard("");
    open_by_sibling();
    peer_says("bind", "resource phone");
    peer_says("bind", "resource tablet");
    peer_heard("close condition=policy-violation\n");
    plugin_heard("bind " ALICE " phone\ngone\n");
    assert_int_equal(refused(FRONT_REFUSED_EARLY), 2);
}

static void test_of_somebody_else(void **state)
{
    (void)state;
    static const char *const others[] = {"bob@example.net/phone", ALICE "/tablet", "@"};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        reach_session();
        peer_brings(NS_CLIENT, "message", others[i], NULL);
        peer_heard("close condition=invalid-from\n");
        plugin_heard("ended failed\n");
        assert_int_equal(refused(FRONT_REFUSED_FROM), i + 1);
    }
}

static void test_what_is_held(void **state)
{
    (void)state;
    open_by_sibling();
    peer_brings("urn:test", "resume", NULL, "wait 1");
    plugin_heard("resume\n");
    peer_says("bind", "resource phone");
    plugin_heard("");
    client_release(world.asking);
    pump();
    peer_heard("go\n");
    plugin_heard("bind " ALICE " phone\n");
}

static void test_too_much_is_held(void **state)
{
    (void)state;
    open_by_sibling();
    peer_brings("urn:test", "resume", NULL, "wait 1");
    for (unsigned i = 0; i < CHANNEL_HELD_MAX; i++)
        peer_says("silent", NULL);
    peer_heard("");
    peer_says("silent", NULL);
    peer_heard("close condition=policy-violation\n");
    plugin_heard("resume\ngone\n");
}

static void client_says_much(struct client *client, unsigned count)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_CHAT);

    while (count--) {
        client_send(client, message);
        if (count % 64 == 0)
            pump();
    }
    stanza_unref(message);
    world.heard.length = 0;
}

static void credit(unsigned n)
{
    char *text = xasprintf("n %u", n);

    peer_says("credit", text);
    free(text);
}

/* Only what has been sent can have been taken. */
static void test_credit(void **state)
{
    (void)state;
    struct client *client = reach_session();

    client_says_much(client, CHANNEL_WINDOW - 1);
    assert_false(client_is_full(client));
    client_says_much(client, 1);
    assert_true(client_is_full(client));
    credit(CHANNEL_WINDOW + 1);
    assert_true(client_is_full(client));
    credit(CHANNEL_WINDOW / 2);
    assert_false(client_is_full(client));
    credit(1);
    assert_false(client_is_full(client));
}

static void test_that_takes_nothing(void **state)
{
    (void)state;
    struct client *client = reach_session();

    client_says_much(client, CHANNEL_LIMIT + 1);
    plugin_heard("");
    client_says_much(client, 1);
    plugin_heard("ended lost\n");
    peer_says("silent", NULL);
    peer_heard("gone\n");
}

static void test_loss(void **state)
{
    (void)state;
    reach_session();
    peer_begins(NULL); /* another process */
    world.channel = 0;
    open_as("open", "jid " ALICE);
    plugin_heard("ended lost\n");
    peer_says("bind", "resource phone");
    plugin_heard("bind " ALICE " phone\n");
}

static void test_silence(void **state)
{
    (void)state;
    reach_session();
    world.away = true;
    for (unsigned s = 0; s < 61; s++)
        fake_later(1000);
    plugin_heard("ended lost\n");
}

/* --- logins --- */

#define INITIAL "biwsbj1hbGljZSxyPWFiY2RlZmdo"

static void begin_login(const char *mechanism, const char *initial)
{
    struct element *login;

    if (!world.trunk)
        peer_begins(NULL);
    world.channel++;
    login = peer_begins_saying("login", NULL);
    element_set(login, "mechanism", mechanism);
    if (initial)
        element_add_with_text(login, NS_TRUNK, "initial", initial);
    trunk_send(world.trunk);
    pump();
}

static void no_such_account(void)
{
    struct account_fetch *fetch = world.fetching;

    assert_non_null(fetch);
    world.fetching = NULL;
    fetch->done(fetch->user, 0, &(struct account_credentials){.exists = false});
    free(fetch);
    pump();
}

static void answer(const char *base64)
{
    element_add_text(peer_begins_saying("response", NULL), base64);
    trunk_send(world.trunk);
    pump();
}

static void test_login_of_nobody(void **state)
{
    (void)state;
    world.place = world.worker.host;
    begin_login("SCRAM-SHA-256", INITIAL);
    no_such_account();
    peer_heard("challenge\n");
    answer("Yz1iaXdzLHI9eCxwPXg=");
    assert_memory_equal(world.heard.data, "failure condition=", 18);
    peer_says("bind", NULL);
    assert_non_null(strstr(world.heard.data, "gone\n"));
}

static void test_malformed_logins(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *initial, *hears;
    } rows[] = {
        {"SCRAM-SHA-256", NULL, "failure condition=malformed-request\n"},
        {"SCRAM-SHA-256", "?", "failure condition=malformed-request\n"},
        {"PLAIN", "AGEAYg==", "failure condition=invalid-mechanism\n"},
        {"EXTERNAL", "", "failure condition=invalid-mechanism\n"},
        {"SCRAM-SHA-512", INITIAL, "failure condition=invalid-mechanism\n"},
        {"none", INITIAL, "failure condition=invalid-mechanism\n"},
        {NULL, INITIAL, "failure condition=invalid-mechanism\n"},
    };

    world.place = world.worker.host;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        begin_login(rows[i].mechanism, rows[i].initial);
        peer_heard(rows[i].hears);
    }
}

/* The proof comes before anybody has asked for it. */
static void test_response_out_of_turn(void **state)
{
    (void)state;
    world.place = world.worker.host;
    begin_login("SCRAM-SHA-256", INITIAL);
    answer("eA==");
    peer_heard("failure condition=malformed-request\n");
    assert_null(world.fetching);
}

static void test_where_nobody_logs_in(void **state)
{
    (void)state;
    begin_login("SCRAM-SHA-256", "?");
    world.heard.length = 0; /* there is a trunk now, as there would be */
    world.worker.stopping = true;
    begin_login("SCRAM-SHA-256", INITIAL);
    peer_heard("gone\n");
    world.worker.stopping = false;
    world.worker.serving = false;
    begin_login("SCRAM-SHA-256", INITIAL);
    peer_heard("gone\n");
    world.worker.serving = true;
    use_sibling("2"); /* which looks into the accounts itself */
    peer_begins(NULL);
    world.channel = 0;
    begin_login("SCRAM-SHA-256", INITIAL);
    peer_heard("gone\n");
}

/* Joining: it may connect, and be a front of nobody yet. */
static void test_no_front(void **state)
{
    (void)state;
    free(world.peer);
    world.peer = jid_dup(&(struct jid){.domain = "gamma.example.net",
                                       .resource = "c2s-1",
                                       .bare = "gamma.example.net",
                                       .full = "gamma.example.net/c2s-1"});
    begin_login("SCRAM-SHA-256", INITIAL);
    peer_heard("failure condition=temporary-auth-failure\n");
    assert_int_equal(refused(FRONT_REFUSED_ROLE), 1);
}

static void test_too_many_strangers(void **state)
{
    (void)state;
    world.place = world.worker.host;
    for (unsigned i = 0; i < CHANNEL_STRANGERS; i++) {
        begin_login("SCRAM-SHA-256", INITIAL);
        no_such_account();
    }
    world.heard.length = 0;
    begin_login("SCRAM-SHA-256", INITIAL);
    peer_heard("failure condition=temporary-auth-failure\n");
    assert_int_equal(refused(FRONT_REFUSED_MANY), 1);
    peer_says("end", "how lost");
    world.channel = 1;
    peer_says("end", "how lost");
    world.channel = CHANNEL_STRANGERS + 1;
    begin_login("SCRAM-SHA-256", INITIAL);
    no_such_account();
    peer_heard("challenge\n");
}

static void test_where(void **state)
{
    (void)state;
    peer_tells("where", "17");
    assert_string_equal(world.answered, PEER " 17");
}

/* Of a client that has proved the password before, and has no session yet. */
static void test_account_changed(void **state)
{
    (void)state;
    open_by_sibling();
    open_as("changed", "jid " ALICE);
    peer_heard("close condition=not-authorized\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRONT_TEST(test_session),
        FRONT_TEST(test_unknown_channel),
        FRONT_TEST(test_nobody_of_ours),
        FRONT_TEST(test_early),
        FRONT_TEST(test_of_somebody_else),
        FRONT_TEST(test_what_is_held),
        FRONT_TEST(test_too_much_is_held),
        FRONT_TEST(test_credit),
        FRONT_TEST(test_that_takes_nothing),
        FRONT_TEST(test_loss),
        FRONT_TEST(test_silence),
        FRONT_TEST(test_login_of_nobody),
        FRONT_TEST(test_malformed_logins),
        FRONT_TEST(test_response_out_of_turn),
        FRONT_TEST(test_where_nobody_logs_in),
        FRONT_TEST(test_no_front),
        FRONT_TEST(test_too_many_strangers),
        FRONT_TEST(test_where),
        FRONT_TEST(test_account_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
