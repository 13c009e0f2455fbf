/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A host for the session manager in the place of c2s: a loop that turns until nothing is left to
 * do, slots, limits, clients and a router that keep what they are sent (fake_lines.h). What tests
 * do with it is in fake_client.h.
 */
#pragma once

#include "c2s/directory/directory.h"
#include "c2s/home.h"
#include "c2s/node_message.h"
#include "c2s/plugin.h"
#include "c2s/sm/plugin.h"
#include "common/base/clock.h"
#include "common/service/service.h"
#include "common/xmpp/parser.h"
#include "tests/unit/fake_admin.h"
#include "tests/unit/fake_db.h"
#include "tests/unit/fake_lines.h"
#include "tests/unit/fake_timers.h"

#define FAKE_NETWORK "example.net"
#define FAKE_HOST    "alpha.example.net"
#define FAKE_BETA    "beta.example.net"
#define FAKE_TASKS   4096

struct client {
    struct fake_inbox inbox;
    struct jid *jid; /* full, once bound */
    void *session;
    int refused; /* the condition of a bind that was refused, or -1 */
    const char *refused_type, *app_name;
    int closed; /* the condition of its stream error, or -1 */
    int paused;
    size_t room; /* stanzas it takes before it is full */
    bool drained;
    bool gone;
    uint64_t since_us;
};

struct loop_task {
    void (*run)(void *user);
    void *user;
};

static struct {
    struct loop_task *tasks[FAKE_TASKS];
    size_t first, count;
    struct fake_inbox router;
    bool echo;         /* what goes to the router for our own names comes back */
    bool congested;    /* the router takes nothing */
    bool keeps_offers; /* they are not answered */
    size_t offers;
    struct buffer offered, answered; /* a line each */
    bool stopped;
    bool shortcut;
    int64_t resources, roster_items, directed, resume_ms;
    bool lost[SLOTS]; /* slots that are not ours */
    unsigned fenced;
    void *state; /* of the plugin */
    struct parser_pool *pool;
    struct client clients[12];
    const char
        *at_beta;     /* local parts of accounts with their home there, each with a space behind */
    char version[17]; /* in the latest envelope */
    bool looks_up;    /* the directory has to be asked */
    bool unknown;     /* … and does not know */
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

/* Without jitter. */
uint64_t backoff_ms(unsigned attempt, uint64_t base_ms, uint64_t cap_ms)
{
    return attempt < 20 ? MIN(base_ms << attempt, cap_ms) : cap_ms;
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

#include "tests/unit/fake_config.h" /* what it says is partly in `fake` */

const char *service_version(void)
{
    return "test";
}

/* What the control socket would be answered. */

static struct buffer fake_answer_text;

void control_print(struct control_request *request, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    (void)request;
    va_start(arguments, format);
    assert_true(vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    buffer_printf(&fake_answer_text, "%s\n", text);
    free(text);
}

void control_end(struct control_request *request, const char *error)
{
    (void)request;
    assert_null(error);
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

const struct network *worker_document(const struct worker *worker)
{
    (void)worker;
    return NULL; /* a network of one */
}

const struct network_member *worker_member(const struct worker *worker)
{
    (void)worker;
    return NULL;
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

const uint8_t *worker_secret(struct worker *worker)
{
    static const uint8_t secret[HOME_SECRET_SIZE] = {1, 2, 3};

    (void)worker;
    return secret;
}

static void fake_come_back(void *user)
{
    sm_plugin.routed(fake.state, user, -1);
}

void worker_bind_alone(struct worker *worker UNUSED, const char *name UNUSED)
{
}

void worker_unbind_alone(struct worker *worker UNUSED, const char *name UNUSED)
{
}

int worker_route(struct worker *worker, struct stanza *stanza)
{
    (void)worker;
    const struct element *envelope = element_find(stanza->root, "urn:kontalk:net:1", "envelope");

    if (fake.congested) {
        return ERR_LIMIT;
    }
    if (envelope && element_get(envelope, "version")) {
        snprintf(fake.version, sizeof(fake.version), "%s", element_get(envelope, "version"));
    }
    if (fake.echo && worker_serves(NULL, stanza->to.domain)) {
        loop_defer(NULL, fake_come_back, stanza_copy(stanza));
    } else {
        fake_put(&fake.router, stanza);
    }
    return 0;
}

#include "tests/unit/fake_directory.h"
#include "tests/unit/fake_offers.h"

/* The clients. */

void client_bound(struct client *client, const struct jid *full, void *session)
{
    free(client->jid);
    client->jid = jid_dup(full);
    client->session = session;
}

void client_bind_refused(struct client *client, enum stanza_condition condition, const char *type,
                         const char *app_name)
{
    client->refused_type = type;
    client->refused = (int)condition;
    client->app_name = app_name;
}

void client_send(struct client *client, struct stanza *stanza)
{
    assert_false(client->gone);
    fake_put(&client->inbox, stanza);
}

void client_resumed(struct client *client, const struct jid *full, void *session)
{
    client_bound(client, full, session);
}

const char *client_device(const struct client *client)
{
    (void)client;
    return NULL;
}

void client_begun(struct client *client, const struct jid *full, void *session, bool resumed,
                  const struct element *results)
{
    (void)results;
    if (full && resumed)
        client_resumed(client, full, session);
    else if (full)
        client_bound(client, full, session);
}

void client_begin_refused(struct client *client, enum sasl_condition condition)
{
    (void)condition;
    client->refused = STANZA_NOT_AUTHORIZED;
}

const struct jid *client_account(const struct client *client)
{
    return client->jid;
}

uint64_t client_since(const struct client *client)
{
    return client->since_us;
}

void client_hold(struct client *client)
{
    client->paused++;
}

void client_release(struct client *client)
{
    client->paused--;
}

void client_detach(struct client *client)
{
    client->session = NULL;
}

void client_send_element(struct client *client, const struct element *element)
{
    assert_false(client->gone);
    fake_put_element(&client->inbox, element);
}

void client_fail(struct client *client, enum stream_condition condition, const char *text,
                 const struct element *app)
{
    if (app) {
        fake_put_element(&client->inbox, app);
    }
    client_close(client, (int)condition, text);
}

/* The session hears of it inside the call, which c2s may do. */
void client_close(struct client *client, int condition, const char *text)
{
    (void)text;
    client->closed = condition;
    if (!client->gone) {
        client->gone = true;
        if (client->session)
            sm_plugin.closed(fake.state, client->session, CLIENT_FAILED);
    }
}

bool client_has_drained(const struct client *client)
{
    return client->drained;
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

bool client_is_full(const struct client *client)
{
    return client->inbox.count >= client->room;
}
