/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What tests of the session manager do: clients that come, say something, expect something and go.
 */
#pragma once

#include "common/xmpp/namespaces.h"
#include "tests/unit/fake_host.h"

static UNUSED struct client *fake_client(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(fake.clients); i++) {
        struct client *client = &fake.clients[i];

        if (!client->jid && client->refused == 0) {
            client->refused = -1;
            client->closed = -1;
            client->room = FAKE_LINES;
            return client;
        }
    }
    fail_msg("too many clients");
    return NULL;
}

static UNUSED struct client *fake_bind(const char *local, const char *resource)
{
    struct client *client = fake_client();
    struct arena *arena = arena_new();
    struct jid jid;

    assert_int_equal(jid_make(arena, local, FAKE_NETWORK, NULL, &jid), 0);
    sm_plugin.bind(fake.state, client, &jid, resource);
    arena_free(arena);
    return client;
}

static void fake_parsed(void *user, struct element *root, const char *bytes, size_t length)
{
    (void)bytes;
    (void)length;
    *(struct element **)user = root;
}

static void fake_header(void *user, const struct element *header, bool prefixes_foreign)
{
    (void)user;
    (void)header;
    (void)prefixes_foreign;
}

static void fake_footer(void *user)
{
    (void)user;
}

static struct element *fake_parse_element(const char *xml)
{
    static const struct parser_ops ops = {fake_header, fake_parsed, fake_footer};
    static const char header[] =
        "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' version='1.0'>";
    struct element *root = NULL;
    struct parser *parser = parser_new(fake.pool, &parser_limits_after_auth, false, &ops, &root);

    assert_int_equal(parser_feed(parser, header, sizeof(header) - 1), 0);
    assert_int_equal(parser_feed(parser, xml, strlen(xml)), 0);
    parser_free(parser);
    assert_non_null(root);
    return root;
}

static struct stanza *fake_parse(const char *xml, int *problem)
{
    struct element *root = fake_parse_element(xml);
    struct stanza *stanza = NULL;

    assert_int_equal(stanza_from_element_take(root, NS_CLIENT, &stanza, problem), 0);
    return stanza;
}

/* The client says something; nothing is done until pump(). */
static UNUSED void fake_say(struct client *client, const char *xml)
{
    int problem;
    struct stanza *stanza = fake_parse(xml, &problem);

    stanza_set_from(stanza, client->jid);
    sm_plugin.stanza(fake.state, client->session, stanza, problem);
}

static UNUSED void say(struct client *client, const char *xml)
{
    fake_say(client, xml);
    pump();
}

/* Something comes from the router. */
static UNUSED void arrive(const char *xml)
{
    int problem;
    struct stanza *stanza = fake_parse(xml, &problem);

    sm_plugin.routed(fake.state, stanza, problem);
    pump();
}

/* Somebody offers something. */
static UNUSED void offer(const char *id, const char *after, const char *xml)
{
    int problem;
    struct stanza *stanza = fake_parse(xml, &problem);
    const struct durable durable = {.kind = DURABLE_OFFER,
                                    .id = id,
                                    .after = after,
                                    .attempt = 1,
                                    .from = stanza->from,
                                    .to = stanza->to};

    assert_int_equal(problem, -1);
    sm_plugin.offered(fake.state, &durable, stanza);
    pump();
}

/* What was answered since the last call, a line each. */
static UNUSED void expect_answers(const char *lines)
{
    assert_string_equal(fake.answered.length > 0 ? fake.answered.data : "", lines);
    buffer_clear(&fake.answered);
}

static UNUSED void fake_hang_up(struct client *client)
{
    client->gone = true;
    sm_plugin.closed(fake.state, client->session, CLIENT_CLOSED);
    pump();
}

/* A client of the account, connected. */
static UNUSED struct client *login(const char *local, const char *resource)
{
    struct client *client = fake_bind(local, resource);

    pump();
    assert_non_null(client->session);
    return client;
}

/* A client that is available, with nothing in its inbox. */
static UNUSED struct client *login_available(const char *local, const char *resource)
{
    struct client *client = login(local, resource);

    say(client, "<presence/>");
    fake_clear(&client->inbox);
    return client;
}

/* A command of the control socket. */
static UNUSED void run_command(const char *words)
{
    for (const struct control_command *at = sm_plugin.commands; at->words; at++) {
        if (strcmp(at->words, words) == 0) {
            at->run(fake.state, NULL, 0, NULL);
            return;
        }
    }
    fail_msg("no command: %s", words);
}

#define expect(client, line)    fake_expect(&(client)->inbox, (line))
#define expect_nothing(client)  fake_expect_nothing(&(client)->inbox)
#define expect_routed(line)     fake_expect(&fake.router, (line))
#define expect_nothing_routed() fake_expect_nothing(&fake.router)

static UNUSED int fake_setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    fake.shortcut = true;
    fake.resources = 4;
    fake.roster_items = 10;
    fake.directed = 3;
    fake.pool = parser_pool_new();
    clock_fake(1000000, 0);
    fake_db.accounts[0].local = "alice";
    fake_db.accounts[1].local = "bob";
    fake_db.accounts[2].local = "carol";
    int error = sm_plugin.start(NULL, &fake.state);

    if (error == 0) {
        sm_plugin.slots_changed(fake.state);
        pump();
        fake_db.units = 0; /* tests count their own */
    }
    return error;
}

static void fake_stopped(void *user)
{
    (void)user;
    fake.stopped = true;
}

static UNUSED void fake_stop(void)
{
    sm_plugin.stop(fake.state, fake_stopped, NULL);
    pump();
}

static UNUSED int fake_teardown(void **state)
{
    (void)state;
    fake_db.late = false;
    while (fake_db.waiting_count > 0) {
        fake_db_answer();
    }
    for (size_t i = 0; i < ARRAY_SIZE(fake.clients); i++) {
        struct client *client = &fake.clients[i];

        if (client->session && !client->gone) {
            fake_hang_up(client);
        }
    }
    if (!fake.stopped) {
        fake_stop();
    }
    assert_true(fake.stopped);
    for (size_t i = 0; i < ARRAY_SIZE(fake.clients); i++) {
        fake_clear(&fake.clients[i].inbox);
        free(fake.clients[i].jid);
    }
    fake_clear(&fake.router);
    buffer_fini(&fake.offered);
    buffer_fini(&fake.answered);
    parser_pool_free(fake.pool);
    fake_db_reset();
    return 0;
}
