/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The clients of front_world.h, with connections in memory, and the plugin of its worker, which
 * writes down what it is asked for and waits.
 */
#pragma once

#include "tests/unit/front_world.h"

/* --- the plugin --- */

static void on_bind(void *state UNUSED, struct client *client, const struct jid *account,
                    const char *resource)
{
    world.asking = client;
    buffer_printf(&world.plugin, "bind %s %s\n", account->bare, resource ? resource : "-");
}

static void on_begin(void *state UNUSED, struct client *client, const struct jid *account,
                     const struct c2s_begin *begin UNUSED)
{
    world.asking = client;
    client_hold(client);
    buffer_printf(&world.plugin, "begin %s\n", account->bare);
}

static void on_inline(void *state UNUSED, struct element *list UNUSED)
{
}

static void on_stanza(void *state UNUSED, void *session UNUSED, struct stanza *stanza,
                      int problem UNUSED)
{
    buffer_printf(&world.plugin, "stanza %s %s\n", stanza->root->name, stanza->from.full);
    stanza_unref(stanza);
}

static void on_gone_client(void *state UNUSED, struct client *client)
{
    assert_ptr_equal(client, world.asking);
    world.asking = NULL;
    buffer_append_text(&world.plugin, "gone\n");
}

static void on_closed(void *state UNUSED, void *session UNUSED, enum client_end how)
{
    static const char *const names[] = {"lost", "closed", "failed"};

    buffer_printf(&world.plugin, "ended %s\n", names[how]);
}

static void on_resume(void *state UNUSED, struct client *client, void *session UNUSED,
                      struct element *element)
{
    world.asking = client;
    client_hold(client);
    buffer_printf(&world.plugin, "%s\n", element->name);
}

static const struct c2s_element plugin_elements[] = {
    {"urn:test", "resume", STREAM_AUTHENTICATED, STREAM_BOUND, on_resume, NULL},
    {.ns = NULL},
};

static const struct c2s_plugin test_plugin = {
    .bind = on_bind,
    .begin = on_begin,
    .inline_features = on_inline,
    .stanza = on_stanza,
    .client_gone = on_gone_client,
    .closed = on_closed,
    .elements = plugin_elements,
};

#define plugin_heard(lines) expect_text(&world.plugin, lines)

/* --- connections --- */

static void conn_writes(void *it, const char *bytes, size_t length)
{
    struct caller *caller = it;

    buffer_append(&caller->heard, bytes, length);
}

static size_t conn_has_queued(const void *it)
{
    return ((const struct caller *)it)->queued;
}

static bool conn_drained(const void *it UNUSED)
{
    return true;
}

static void conn_stops(void *it)
{
    ((struct caller *)it)->paused++;
}

static void conn_goes_on(void *it)
{
    struct caller *caller = it;

    assert_true(caller->paused > 0);
    caller->paused--;
}

static void conn_ends(void *it)
{
    ((struct caller *)it)->closing = true;
}

static struct tls_session *conn_has_tls(void *it UNUSED)
{
    return NULL;
}

static const char *conn_address(const void *it UNUSED)
{
    return "192.0.2.7";
}

static const struct transport_ops conn_in_memory = {
    .write = conn_writes,
    .queued = conn_has_queued,
    .has_drained = conn_drained,
    .pause = conn_stops,
    .resume = conn_goes_on,
    .close = conn_ends,
    .abort = conn_ends,
    .tls = conn_has_tls,
    .address = conn_address,
    .name = "test",
};

/* It says something; what is held back comes when the stream goes on. */
static void call(struct caller *caller, const char *xml)
{
    assert_non_null(caller->client);
    client_transport_data(caller->client, xml, strlen(xml));
    pump();
}

#define HEADER                                                                                     \
    "<stream:stream to='example.net' xmlns='jabber:client' version='1.0' "                         \
    "xmlns:stream='http://etherx.jabber.org/streams'>"

/* A client behind TLS, which has its features. */
static UNUSED struct caller *connect_client(void)
{
    struct caller *caller = world.callers;

    while (caller->client)
        caller++;
    assert_true(caller < world.callers + CLIENTS && !admission_enter(world.worker.admission, "?"));
    caller->client = client_new(&world.worker, &client_profile, "192.0.2.7");
    caller->client->transport = (struct transport){&conn_in_memory, caller};
    client_begin(caller->client);
    client_transport_secured(caller->client);
    call(caller, HEADER);
    caller->heard.length = 0;
    return caller;
}

/* Its connection is gone. */
static void hang_up(struct caller *caller)
{
    client_transport_closed(caller->client, 0);
    pump();
    buffer_fini(&caller->heard);
    *caller = (struct caller){0};
}

/* What it has heard has this in it; no more than that is of interest. */
static UNUSED void caller_heard(struct caller *caller, const char *part)
{
    if (!caller->heard.length || !strstr(caller->heard.data, part))
        fail_msg("'%s' is not in '%s'", part, caller->heard.length ? caller->heard.data : "");
    caller->heard.length = 0;
}

static UNUSED void caller_heard_nothing(struct caller *caller)
{
    assert_int_equal(caller->heard.length, 0);
}

#define SASL_XML(name, attributes, base64)                                                         \
    "<" name " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'" attributes ">" base64 "</" name ">"
/* n,,n=alice,r=abcdefgh and anything. */
#define AUTH     SASL_XML("auth", " mechanism='SCRAM-SHA-256'", "biwsbj1hbGljZSxyPWFiY2RlZmdo")
#define RESPONSE SASL_XML("response", "", "eHl6")

#define AUTHENTICATE                                                                               \
    "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-256'><initial-response>"           \
    "biwsbj1hbGljZSxyPWFiY2RlZmdo</initial-response><bind xmlns='urn:xmpp:bind:0'/>"               \
    "</authenticate>"
#define RESPONSE2 "<response xmlns='urn:xmpp:sasl:2'>eHl6</response>"

#define BIND                                                                                       \
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"                        \
    "<resource>phone</resource></bind></iq>"

/* --- a test --- */

static struct network *make_network(void)
{
    char *text = network_text(&world.keys, 1, 1, NULL);
    struct network *network = network_must_parse(text, strlen(text));

    free(text);
    return network;
}

static int set_up(void **state)
{
    void *files = NULL;
    struct worker *worker = &world.worker;

    (void)state;
    memset(&world, 0, sizeof(world));
    clock_fake(1000000, NETWORK_TEXT_NOW * 1000000);
    files_begin(&files);
    world.files = files;
    files_write(world.files, "main.conf", 0600,
                "[node]\nhost = alpha.example.net\n"
                "network = example.net\n");
    if (files_load(world.files) != 0 || sasl_library_start() != 0)
        fail_msg("%s", world.files->errors);
    network_world_init(&world.keys);
    world.network = make_network();
    world.domain =
        (struct domain){.name = xstrdup("example.net"), .mechanisms = 1U << SASL_SCRAM_SHA_256};
    world.domains = (struct domains){.references = 1,
                                     .list = &world.domain,
                                     .count = 1,
                                     .decoy_secret = xstrdup("secret"),
                                     .decoy_secret_length = 6};
    *worker = (struct worker){.config = world.files->config,
                              .domains = &world.domains,
                              .plugin = &test_plugin,
                              .id = xstrdup("c2s-1"),
                              .host = xstrdup("alpha.example.net"),
                              .network = xstrdup("example.net"),
                              .admission = admission_new(world.files->config),
                              .parsers = parser_pool_new(),
                              .link = (struct link *)&world};
    worker->limits = (struct worker_limits){.before_auth = parser_limits_before_auth,
                                            .after_auth = parser_limits_after_auth,
                                            .login_ms = 300000,
                                            .idle_ms = 600000,
                                            .ping_ms = 60000,
                                            .send_ms = 60000,
                                            .send_queue = 65536,
                                            .sasl_tries = 10};
    worker->serving = true;
    worker->front = front_new(worker);
    world.peer = jid_dup(&(struct jid){.domain = "beta.example.net",
                                       .resource = "c2s-1",
                                       .bare = "beta.example.net",
                                       .full = PEER});
    world.place = "beta.example.net";
    return 0;
}

/* The other worker is one of this node, which serves all accounts. */
static UNUSED void use_sibling(const char *incarnation)
{
    static const char *const ids[] = {"c2s-1", "c2s-2"};
    const char *const incarnations[] = {"1", incarnation};
    unsigned char owner[SLOTS];
    const struct link_members members = {.name = "example.net",
                                         .count = 2,
                                         .ids = ids,
                                         .incarnations = incarnations,
                                         .owner = owner};

    memset(owner, 1, sizeof(owner));
    free(world.peer);
    world.peer = jid_dup(&(struct jid){.domain = "alpha.example.net",
                                       .resource = "c2s-2",
                                       .bare = "alpha.example.net",
                                       .full = SIBLING});
    world.place = "alpha.example.net";
    front_members(world.worker.front, &members);
    pump();
}

static int tear_down(void **state)
{
    void *files = world.files;
    struct worker *worker = &world.worker;

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++)
        if (world.callers[i].client)
            hang_up(&world.callers[i]);
    pump();
    if (world.trunk)
        trunk_free(world.trunk);
    world.away = true;
    front_stop(worker->front);
    run_tasks();
    for (size_t i = 0; i < world.held_count; i++)
        stanza_unref(world.held[i]);
    front_free(worker->front);
    run_tasks();
    admission_free(worker->admission);
    parser_pool_free(worker->parsers);
    sasl_library_stop();
    network_unref(world.network);
    network_world_fini(&world.keys);
    free(worker->id);
    free(worker->host);
    free(worker->network);
    free(world.domain.name);
    free(world.domains.decoy_secret);
    free(world.peer);
    free(world.asked);
    free(world.question);
    free(world.answered);
    buffer_fini(&world.heard);
    buffer_fini(&world.plugin);
    files_end(&files);
    return 0;
}

#define FRONT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
