/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A host for the session manager in the place of c2s: a loop that turns until nothing is left to
 * do, slots, limits, clients and a router that keep what they are sent as short lines, such as
 *
 *     presence subscribe bob@example.net > alice@example.net
 *     iq result > alice@example.net/a roster 3 {bob@example.net both}
 *     message chat bob@example.net/b > alice@example.net "hello"
 */
#pragma once

#include "c2s/plugin.h"
#include "c2s/sm/plugin.h"
#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/io/timer.h"
#include "common/service/service.h"
#include "common/xmpp/namespaces.h"
#include "common/xmpp/parser.h"
#include "tests/unit/fake_db.h"

#define FAKE_NETWORK "example.net"
#define FAKE_HOST    "alpha.example.net"
#define FAKE_TASKS   4096
#define FAKE_LINES   2048

struct fake_inbox {
    char *lines[FAKE_LINES];
    size_t first, count;
};

struct client {
    struct fake_inbox inbox;
    struct jid *jid; /* full, once bound */
    void *session;
    int refused; /* the condition of a bind that was refused, or -1 */
    const char *app_name;
    int closed; /* the condition of its stream error, or -1 */
    int paused;
    bool gone;
};

struct loop_task {
    void (*run)(void *user);
    void *user;
};

static struct {
    struct loop_task *tasks[FAKE_TASKS];
    size_t first, count;
    struct fake_inbox router;
    bool echo;      /* what goes to the router for our own names comes back */
    bool congested; /* the router takes nothing */
    bool shortcut;
    int64_t resources, roster_items, directed;
    bool lost[SLOTS]; /* slots that are not ours */
    unsigned fenced;
    void *state; /* of the plugin */
    struct parser_pool *pool;
    struct client clients[12];
    void (*sweep)(void *user);
    void *sweep_user;
} fake;

/* The loop. */

struct loop_task *loop_defer(struct loop *loop, void (*task)(void *user), void *user)
{
    struct loop_task *entry = xcalloc(1, sizeof(*entry));

    (void)loop;
    assert_true(fake.count < FAKE_TASKS);
    entry->run = task;
    entry->user = user;
    fake.tasks[(fake.first + fake.count++) % FAKE_TASKS] = entry;
    return entry;
}

void loop_defer_cancel(struct loop_task *task)
{
    task->run = NULL;
}

/* Turns the loop until nothing is left to do. */
static void pump(void)
{
    while (fake.count > 0) {
        struct loop_task *task = fake.tasks[fake.first];

        fake.first = (fake.first + 1) % FAKE_TASKS;
        fake.count--;
        if (task->run) {
            task->run(task->user);
        }
        free(task);
    }
}

struct timer *timer_new(struct loop *loop, void (*fired)(void *user), void *user)
{
    (void)loop;
    fake.sweep = fired;
    fake.sweep_user = user;
    return NULL;
}

void timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms)
{
    (void)timer;
    (void)after_ms;
    (void)repeat_ms;
}

void timer_stop(struct timer *timer)
{
    (void)timer;
}

void timer_close(struct timer *timer)
{
    (void)timer;
}

/* The slots. */

bool slots_owned(const struct slots *slots, unsigned slot)
{
    (void)slots;
    return !fake.lost[slot];
}

int64_t slots_epoch(const struct slots *slots, unsigned slot)
{
    return slots_owned(slots, slot) ? 1 : 0;
}

static const struct db_statement fake_fence = {"fence", "SELECT 1", 0};

int slots_fence(struct slots *slots, unsigned slot, struct db_unit *unit)
{
    if (!slots_owned(slots, slot)) {
        return ERR_FENCED;
    }
    db_unit_add(unit, &fake_fence, NULL);
    return 0;
}

void slots_lost(struct slots *slots, unsigned slot)
{
    (void)slots;
    fake.lost[slot] = true;
    fake.fenced++;
}

/* The configuration. */

bool config_bool(const struct config *config, const char *section, const char *instance,
                 const char *key)
{
    (void)config;
    (void)section;
    (void)instance;
    return strcmp(key, "shortcut") == 0 ? fake.shortcut : false;
}

int64_t config_number(const struct config *config, const char *section, const char *instance,
                      const char *key)
{
    (void)config;
    (void)section;
    (void)instance;
    if (strcmp(key, "resources-per-user") == 0) {
        return fake.resources;
    }
    if (strcmp(key, "roster-size") == 0) {
        return fake.roster_items;
    }
    return strcmp(key, "directed-presence") == 0 ? fake.directed : 8;
}

size_t config_list_size(const struct config *config, const char *section, const char *instance,
                        const char *key)
{
    (void)config;
    (void)section;
    (void)instance;
    (void)key;
    return 0;
}

const char *config_list_item(const struct config *config, const char *section, const char *instance,
                             const char *key, size_t index)
{
    (void)config;
    (void)section;
    (void)instance;
    (void)key;
    (void)index;
    return NULL;
}

const char *service_version(void)
{
    return "test";
}

/* Lines. */

static void fake_describe_roster(struct buffer *line, const struct element *query)
{
    const char *version = element_get(query, "ver");

    buffer_printf(line, " roster %s", version ? version : "-");
    ELEMENT_FOREACH (item, query) {
        const char *name = element_get(item, "name");

        buffer_printf(line, " {%s %s%s%s", element_get(item, "jid"),
                      element_get(item, "subscription"), element_get(item, "ask") ? " ask" : "",
                      element_get(item, "approved") ? " approved" : "");
        if (name) {
            buffer_printf(line, " '%s'", name);
        }
        ELEMENT_FOREACH (group, item) {
            buffer_printf(line, " [%s]", element_text(group));
        }
        buffer_append_char(line, '}');
    }
}

static void fake_describe_child(struct buffer *line, const struct element *child)
{
    if (element_is(child, "jabber:iq:roster", "query")) {
        fake_describe_roster(line, child);
    } else if (element_is(child, NS_CLIENT, "error")) {
        buffer_printf(line, " %s", element_first(child)->name);
    } else if (element_is(child, NS_CLIENT, "body")) {
        buffer_printf(line, " \"%s\"", element_text(child));
    } else {
        buffer_printf(line, " <%s>", child->name);
    }
}

static char *fake_describe(const struct stanza *stanza)
{
    struct buffer line = {0};
    const char *type = stanza_type_name(stanza->type);

    buffer_append_text(&line, stanza_kind_name(stanza->kind));
    if (type) {
        buffer_printf(&line, " %s", type);
    }
    if (stanza->has_from) {
        buffer_printf(&line, " %s", stanza->from.full);
    }
    buffer_printf(&line, " > %s", stanza->has_to ? stanza->to.full : "-");
    ELEMENT_FOREACH (child, stanza->root) {
        if (stanza->type == PRESENCE_AVAILABLE && element_is(child, NS_CLIENT, "priority")) {
            continue;
        }
        if (!stanza_is_error(stanza) || element_is(child, NS_CLIENT, "error")) {
            fake_describe_child(&line, child);
        }
    }
    return buffer_take(&line);
}

static void fake_put(struct fake_inbox *inbox, const struct stanza *stanza)
{
    assert_true(inbox->count < FAKE_LINES);
    inbox->lines[(inbox->first + inbox->count++) % FAKE_LINES] = fake_describe(stanza);
}

static char *fake_get(struct fake_inbox *inbox)
{
    char *line;

    if (inbox->count == 0) {
        return NULL;
    }
    line = inbox->lines[inbox->first];
    inbox->first = (inbox->first + 1) % FAKE_LINES;
    inbox->count--;
    return line;
}

static void fake_clear(struct fake_inbox *inbox)
{
    for (char *line; (line = fake_get(inbox)) != NULL;) {
        free(line);
    }
}

static UNUSED void fake_expect(struct fake_inbox *inbox, const char *expected)
{
    char *line = fake_get(inbox);

    if (!line) {
        fail_msg("nothing came, but expected: %s", expected);
    }
    assert_string_equal(line, expected);
    free(line);
}

static UNUSED void fake_expect_nothing(struct fake_inbox *inbox)
{
    if (inbox->count > 0) {
        fail_msg("unexpected: %s", inbox->lines[inbox->first]);
    }
}

/* Takes the expected line from wherever it stands among what has come. */
static UNUSED bool fake_took(struct fake_inbox *inbox, const char *expected)
{
    bool found = false;

    for (size_t i = 0, count = inbox->count; i < count; i++) {
        char *line = fake_get(inbox);

        if (!found && strcmp(line, expected) == 0) {
            found = true;
            free(line);
        } else {
            inbox->lines[(inbox->first + inbox->count++) % FAKE_LINES] = line;
        }
    }
    return found;
}

/* The worker. */

struct loop *worker_loop(struct worker *worker)
{
    (void)worker;
    return NULL;
}

struct db *worker_db(struct worker *worker)
{
    (void)worker;
    return NULL;
}

struct slots *worker_slots(struct worker *worker)
{
    (void)worker;
    return NULL;
}

struct parser_pool *worker_parsers(struct worker *worker);
struct parser_pool *worker_parsers(struct worker *worker)
{
    (void)worker;
    return fake.pool;
}

const struct config *worker_config(struct worker *worker)
{
    (void)worker;
    return NULL;
}

const char *worker_host(struct worker *worker)
{
    (void)worker;
    return FAKE_HOST;
}

const char *worker_network(struct worker *worker)
{
    (void)worker;
    return FAKE_NETWORK;
}

bool worker_serves(struct worker *worker, const char *domain)
{
    (void)worker;
    return strcmp(domain, FAKE_NETWORK) == 0;
}

static void fake_come_back(void *user)
{
    sm_plugin.routed(fake.state, user, -1);
}

int worker_route(struct worker *worker, struct stanza *stanza)
{
    (void)worker;
    if (fake.congested) {
        return ERR_LIMIT;
    }
    if (fake.echo && worker_serves(NULL, stanza->to.domain)) {
        loop_defer(NULL, fake_come_back, stanza_copy(stanza));
    } else {
        fake_put(&fake.router, stanza);
    }
    return 0;
}

/* The clients. */

void client_bound(struct client *client, const struct jid *full, void *session)
{
    client->jid = jid_dup(full);
    client->session = session;
}

void client_bind_refused(struct client *client, enum stanza_condition condition, const char *app_ns,
                         const char *app_name)
{
    (void)app_ns;
    client->refused = (int)condition;
    client->app_name = app_name;
}

void client_send(struct client *client, struct stanza *stanza)
{
    assert_false(client->gone);
    fake_put(&client->inbox, stanza);
}

static void fake_closed(void *user)
{
    struct client *client = user;

    if (!client->gone) {
        client->gone = true;
        sm_plugin.closed(fake.state, client->session, false);
    }
}

void client_close(struct client *client, int condition, const char *text)
{
    (void)text;
    client->closed = condition;
    loop_defer(NULL, fake_closed, client);
}

void client_pause(struct client *client)
{
    client->paused++;
}

void client_resume(struct client *client)
{
    client->paused--;
}

const char *client_stream_id(const struct client *client)
{
    (void)client;
    return "1";
}

const char *client_address(const struct client *client)
{
    (void)client;
    return "127.0.0.1";
}

const char *client_lang(const struct client *client)
{
    (void)client;
    return NULL;
}

size_t client_queued(const struct client *client)
{
    (void)client;
    return 0;
}

/* What tests do. */

static UNUSED struct client *fake_client(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(fake.clients); i++) {
        struct client *client = &fake.clients[i];

        if (!client->jid && client->refused == 0) {
            client->refused = -1;
            client->closed = -1;
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

static struct stanza *fake_parse(const char *xml, int *problem)
{
    static const struct parser_ops ops = {fake_header, fake_parsed, fake_footer};
    static const char header[] =
        "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' version='1.0'>";
    struct element *root = NULL;
    struct stanza *stanza = NULL;
    struct parser *parser = parser_new(fake.pool, &parser_limits_after_auth, false, &ops, &root);

    assert_int_equal(parser_feed(parser, header, sizeof(header) - 1), 0);
    assert_int_equal(parser_feed(parser, xml, strlen(xml)), 0);
    parser_free(parser);
    assert_non_null(root);
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

static UNUSED void fake_hang_up(struct client *client)
{
    client->gone = true;
    sm_plugin.closed(fake.state, client->session, false);
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
    return sm_plugin.start(NULL, &fake.state);
}

static void fake_stopped(void *user)
{
    *(bool *)user = true;
}

static UNUSED int fake_teardown(void **state)
{
    bool stopped = false;

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
    sm_plugin.stop(fake.state, fake_stopped, &stopped);
    pump();
    assert_true(stopped);
    for (size_t i = 0; i < ARRAY_SIZE(fake.clients); i++) {
        fake_clear(&fake.clients[i].inbox);
        free(fake.clients[i].jid);
    }
    fake_clear(&fake.router);
    parser_pool_free(fake.pool);
    fake_db_reset();
    return 0;
}
