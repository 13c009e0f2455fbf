/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A worker from start to stop: database and router first, then slots, then listeners, so that a
 * client that gets through finds everything there.
 */
#include "c2s/worker.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/client.h"
#include "c2s/directory/directory.h"
#include "c2s/front/front.h"
#include "c2s/invitations.h"
#include "c2s/promise.h"
#include "c2s/schema.h"
#include "c2s/web/web.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/sasl/sasl.h"
#include "common/service/service.h"
#include "common/tls/crypto.h"

#define SCHEMA_RETRY_MS 1000

static void check_schema(void *user);

static void worker_free(struct worker *worker)
{
    timer_close(worker->retry);
    directory_close(worker);
    parser_pool_free(worker->parsers);
    domains_unref(worker->domains);
    worker_close_document(worker);
    admission_free(worker->admission);
    sasl_library_stop();
    free(worker->id);
    free(worker->host);
    free(worker->network);
    free(worker->home);
    free(worker->weak_settings);
    crypto_wipe(worker->secret, sizeof(worker->secret));
    free(worker);
}

/* Link and database close by themselves, in any order. */
void worker_end_when_closed(struct worker *worker)
{
    void (*stopped)(void *) = worker->stopped;
    void *stopped_user = worker->stopped_user;

    if (worker->link || worker->db)
        return;
    worker_free(worker);
    stopped(stopped_user);
}

static uint64_t number(const struct config *config, const char *key)
{
    return (uint64_t)config_number(config, "c2s", NULL, key);
}

static struct parser_limits read_parser_limits(const struct config *config, bool before_auth)
{
    struct parser_limits limits =
        before_auth ? parser_limits_before_auth : parser_limits_after_auth;
#define LIMIT(key) number(config, before_auth ? key "-before-auth" : key)
    limits.element_bytes = LIMIT("stanza-size");
    limits.elements = (unsigned)LIMIT("stanza-elements");
    limits.depth = (unsigned)LIMIT("stanza-depth");
    limits.attributes = (unsigned)LIMIT("stanza-attributes");
    limits.namespaces = (unsigned)LIMIT("stanza-namespaces");
#undef LIMIT
    return limits;
}

static void read_limits(struct worker *worker, const struct config *config)
{
    worker->limits = (struct worker_limits){
        .before_auth = read_parser_limits(config, true),
        .after_auth = read_parser_limits(config, false),
        .login_ms = number(config, "unauthenticated-timeout"),
        .tls_ms = (uint32_t)number(config, "tls-timeout"),
        .idle_ms = number(config, "idle-timeout"),
        .ping_ms = number(config, "ping-timeout"),
        .send_ms = number(config, "send-timeout"),
        .send_queue = number(config, "send-queue"),
        .sasl_tries = (unsigned)number(config, "sasl-tries"),
        .bytes_before_auth = number(config, "rate-bytes-before-auth"),
        .bytes_per_second = number(config, "rate-bytes"),
        .bytes_burst = number(config, "rate-burst"),
        .stanzas_per_second = number(config, "rate-stanzas"),
        .stanzas_burst = number(config, "rate-stanzas-burst"),
        .handshakes_per_second = number(config, "handshakes-per-second"),
    };
}

void worker_open_doors(struct worker *worker)
{
    if (worker->ready || worker->drain || worker->stopping)
        return;
    worker->ready = true;
    if (worker_listen(worker) != 0)
        exit(EXIT_FAILURE); /* an address is taken or not ours: logged; nothing is lost yet */
    service_ready("serving clients");
}

static void on_slots_changed(void *user)
{
    struct worker *worker = user;

    if (slots_settled(worker->slots))
        log_info("slots_changed", LOG_INT("owned", slots_count(worker->slots)));
    worker->plugin->slots_changed(worker->plugin_state);
    directory_keeper_changed(worker);
    if (slots_count(worker->slots) > 0 && slots_settled(worker->slots)) /* everything is there */
        worker_open_doors(worker);
}

static void open_slots(struct worker *worker)
{
    const struct slots_settings settings = {
        .loop = worker->loop,
        .db = worker->db,
        .holder = worker->id,
        .incarnation = link_incarnation(worker->link),
        .changed = on_slots_changed,
        .user = worker,
    };

    worker->slots = slots_new(&settings);
}

static void on_home(void *user, int status, const char *name, int64_t epoch)
{
    struct worker *worker = user;

    if (worker->stopping)
        return;
    if (status != 0)
        log_error("home_unusable", LOG_ERROR(status), LOG_TEXT("database", db_problem(worker->db)));
    if (status != 0 || !worker_judge_home(worker, name, epoch))
        timer_start(worker->retry, SCHEMA_RETRY_MS, 0);
}

static void on_secret(void *user, int status, const uint8_t secret[HOME_SECRET_SIZE])
{
    struct worker *worker = user;

    if (worker->stopping)
        return;
    if (status == 0) {
        memcpy(worker->secret, secret, sizeof(worker->secret));
        home_read(worker->db, worker->home, on_home, worker);
        return;
    }
    log_error("home_unusable", LOG_ERROR(status), LOG_TEXT("database", db_problem(worker->db)));
    timer_start(worker->retry, SCHEMA_RETRY_MS, 0);
}

static void on_schema(void *user, int status, int64_t version)
{
    struct worker *worker = user;

    if (worker->stopping)
        return;
    if (status == 0) {
        home_read_secret(worker->db, on_secret, worker);
        return;
    }
    log_error("schema_unusable", LOG_INT("version", version), LOG_INT("wanted", schema_version()),
              LOG_ERROR(status), LOG_TEXT("database", db_problem(worker->db)));
    service_status("waiting for a usable database (kontalkctl db migrate)");
    timer_start(worker->retry, SCHEMA_RETRY_MS, 0);
}

static void check_schema(void *user)
{
    struct worker *worker = user;

    schema_check(worker->db, on_schema, worker);
}

static void on_promise(void *user, const char *weak)
{
    struct worker *worker = user;
    bool told = worker->weak_settings && strcmp(worker->weak_settings, weak) == 0;

    free(worker->weak_settings);
    worker->weak_settings = xstrdup(weak);
    if (*weak && !told)
        log_warn("promise_reduced", LOG_TEXT("settings", weak));
}

static void on_database(void *user, bool available)
{
    struct worker *worker = user;

    if (available) {
        log_info("database_up");
        promise_check(worker->db, on_promise, worker);
    } else {
        log_warn("database_down");
    }
}

static int open_database(struct worker *worker)
{
    const struct config *config = worker->config;
    char *name = xasprintf("kontalk-c2s@%s", worker->id);
    const struct db_settings settings = {
        .conninfo = config_text(config, "database", NULL, "conninfo"),
        .connections = (unsigned)config_number(config, "database", NULL, "connections"),
        .writers = (unsigned)config_number(config, "database", NULL, "writers"),
        .deadline_ms = (unsigned)config_number(config, "database", NULL, "deadline"),
        .application_name = name,
        .changed = on_database,
        .drained = worker_drained,
        .user = worker,
    };
    char *problem = NULL;
    int error = db_check_conninfo(settings.conninfo, &problem);

    if (error)
        log_error("database_misconfigured", LOG_TEXT("reason", problem));
    else
        worker->db = db_open(worker->loop, &settings);
    free(problem);
    free(name);
    return error;
}

/* Whose homes are whose, and in which epochs, may have changed. */
static void on_document(void *user, const struct network *before, const struct network *now)
{
    struct worker *worker = user;

    (void)before;
    (void)now;
    if (!worker->stopping)
        timer_start(worker->retry, 0, 0);
}

int worker_start(struct loop *loop, const struct config *config, void **state)
{
    struct worker *worker = xcalloc(1, sizeof(*worker));

    worker->loop = loop;
    worker->handshakes.started_us = clock_monotonic_ms() * 1000;
    worker->config = config;
    worker->id = xstrdup(service_instance() ? service_instance()
                                            : config_text(config, "c2s", NULL, "worker"));
    worker->host = xstrdup(config_text(config, "node", NULL, "host"));
    worker->network = xstrdup(config_text(config, "node", NULL, "network"));
    worker->home = config_home(config);
    read_limits(worker, config);
    worker->admission = admission_new(config);
    worker->parsers = parser_pool_new();
    worker->retry = timer_new(loop, check_schema, worker);
    worker->plugin = plugin_find(config);
    *state = worker;
    if (worker->plugin == NULL || sasl_library_start() != 0 ||
        domains_load(config, &worker->domains) != 0 || worker_open_document(worker) != 0 ||
        open_database(worker) != 0)
        return ERR_INVALID;
    worker_open_link(worker);
    open_slots(worker);
    worker->front = front_new(worker);
    worker->web = web_new(worker);
    if (directory_open(worker) != 0)
        return ERR_INVALID;
    if (worker->plugin->start(worker, &worker->plugin_state) != 0)
        return ERR_INVALID;
    service_add_commands(drain_commands, worker);
    service_add_commands(directory_commands, worker);
    service_add_commands(invitation_commands, worker);
    if (worker->plugin->commands)
        service_add_commands(worker->plugin->commands, worker->plugin_state);
    if (worker->plugin->metrics)
        service_add_metrics(worker->plugin->metrics, worker->plugin_state);
    if (worker->plugin->specs)
        worker->plugin->specs(service_add_specs);
    worker_follow_document(worker, on_document, worker);
    check_schema(worker);
    return 0;
}

int worker_reload(void *state, const struct config *config)
{
    struct worker *worker = state;
    struct domains *domains;
    int error = document_reload(worker->document, config);

    if (!error)
        error = domains_load(config, &domains);
    if (error)
        return error;
    domains_unref(worker->domains);
    worker->domains = domains;
    worker->config = config;
    read_limits(worker, config);
    admission_reload(worker->admission, config);
    front_reload(worker->front);
    web_reload(worker->web);
    worker->plugin->reload(worker->plugin_state, config);
    return 0;
}

static void on_database_closed(void *user)
{
    struct worker *worker = user;

    worker->db = NULL;
    worker_end_when_closed(worker);
}

static void on_plugin_stopped(void *user)
{
    struct worker *worker = user;

    web_free(worker->web);
    worker->web = NULL;
    front_free(worker->front);
    worker->front = NULL;
    directory_end(worker);
    link_close(worker->link);
    slots_free(worker->slots);
    db_close(worker->db, on_database_closed, worker);
}

/* Once the last client has gone the plugin can end. */
static void stop_plugin_when_empty(struct worker *worker)
{
    if (worker->stopping && worker->clients == NULL && web_is_empty(worker->web))
        worker->plugin->stop(worker->plugin_state, on_plugin_stopped, worker);
}

uint64_t worker_handshake_wait(struct worker *worker)
{
    return pace_wait(&worker->handshakes, clock_monotonic_ms() * 1000,
                     worker->limits.handshakes_per_second) /
           1000;
}

void worker_web_changed(struct worker *worker)
{
    stop_plugin_when_empty(worker);
}

void worker_client_closed(struct worker *worker, struct client *client)
{
    DL_DELETE(worker->clients, client);
    worker->clients_count--;
    stop_plugin_when_empty(worker);
}

void worker_stop(void *state, void (*stopped)(void *user), void *user)
{
    struct worker *worker = state;
    struct client *client, *next;

    worker->stopping = true;
    worker->stopped = stopped;
    worker->stopped_user = user;
    worker_unlisten(worker);
    drain_end(worker);
    DL_FOREACH_SAFE (worker->clients, client, next) {
        client_shutdown(client, NULL);
    }
    web_stop(worker->web);
    front_stop(worker->front);
    stop_plugin_when_empty(worker);
}

struct loop *worker_loop(struct worker *worker)
{
    return worker->loop;
}

struct db *worker_db(struct worker *worker)
{
    return worker->db;
}

struct slots *worker_slots(struct worker *worker)
{
    return worker->slots;
}

const struct config *worker_config(struct worker *worker)
{
    return worker->config;
}

const char *worker_id(const struct worker *worker)
{
    return worker->id;
}

size_t worker_ids(const struct worker *worker, const char *const **ids)
{
    return front_member_ids(worker->front, ids);
}

const char *worker_host(struct worker *worker)
{
    return worker->host;
}

const char *worker_network(struct worker *worker)
{
    return worker->network;
}

bool worker_serves(struct worker *worker, const char *domain)
{
    return domains_find(worker->domains, domain) != NULL;
}

const uint8_t *worker_secret(struct worker *worker)
{
    return worker->secret;
}
