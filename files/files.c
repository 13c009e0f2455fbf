/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The life of kontalk-files: its store, its link to the router, its HTTP servers.
 */
#include "files/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/component/own_link.h"
#include "common/service/certificates.h"
#include "common/service/service.h"
#include "common/tls/crypto.h"

#define SWEEP_MS 60000
#define US_IN_MS INT64_C(1000)

static int64_t number(const struct config *config, const char *key)
{
    return config_number(config, "files", NULL, key);
}

static const char *text(const struct config *config, const char *key)
{
    return config_text(config, "files", NULL, key);
}

static void read_limits(struct files *files, const struct config *config)
{
    files->config = config;
    files->limits = (struct files_limits){
        .size_max = (uint64_t)number(config, "size"),
        .quota = {.slots_per_hour = (size_t)number(config, "slots-per-hour"),
                  .bytes_per_day = (uint64_t)number(config, "bytes-per-day"),
                  .slot_us = number(config, "slot-valid") * US_IN_MS},
        .keep_us = number(config, "keep") * US_IN_MS,
        .bytes_per_second = (uint64_t)number(config, "slowest"),
        .grace_ms = (uint64_t)number(config, "idle"),
    };
    store_keep_free(files->store, (uint64_t)number(config, "keep-free"));
}

/* --- the router --- */

static void on_up(void *user UNUSED)
{
    service_ready("serving files");
}

static void on_down(void *user UNUSED)
{
    service_status("the router is away");
}

static void on_stanza(void *user, struct stanza *stanza, int problem)
{
    if (problem < 0)
        request_take(user, stanza);
    else
        stanza_unref(stanza);
}

static void on_undelivered(void *user UNUSED, struct stanza *stanza)
{
    stanza_unref(stanza); /* who asked has long given up */
}

static void on_link_closed(void *user)
{
    files_release(user);
}

static const struct link_ops link_ops = {
    .up = on_up,
    .down = on_down,
    .stanza = on_stanza,
    .undelivered = on_undelivered,
    .closed = on_link_closed,
};

static int open_link(struct files *files)
{
    const struct link_settings settings = {.is_plain = true};
    int error = own_link_open(files->loop, files->parsers, files->config, "files", settings,
                              &link_ops, files, &files->link);

    files->open += error == 0;
    return error;
}

/* --- HTTP --- */

static int listen_at(struct files *files, const char *address, const struct certificate *pair)
{
    const struct http_settings settings = {
        .address = address,
        .certificate = pair ? pair->chain : NULL,
        .key = pair ? pair->key : NULL,
        .idle_s = (unsigned)(number(files->config, "idle") / 1000),
        .connections = (unsigned)number(files->config, "connections"),
        .per_address = (unsigned)number(files->config, "connections-per-address"),
    };
    struct http_server *server;
    int error = http_server_open(files->loop, &settings, &files_http_ops, files, &server);

    if (error) {
        log_error("files_not_listening", LOG_TEXT("addr", address), LOG_ERROR(error));
        return error;
    }
    files->servers =
        xrealloc(files->servers, (files->servers_count + 1) * sizeof(struct http_server *));
    files->servers[files->servers_count++] = server;
    files->open++;
    log_info("files_listening", LOG_TEXT("addr", address), LOG_TEXT("tls", pair ? "yes" : "no"));
    return 0;
}

static int listen_all(struct files *files, const char *key, const struct certificate *pair)
{
    size_t count = config_list_size(files->config, "files", NULL, key);
    int error = 0;

    for (size_t i = 0; !error && i < count; i++)
        error = listen_at(files, config_list_item(files->config, "files", NULL, key, i), pair);
    return error;
}

static int open_servers(struct files *files)
{
    struct certificate pair = {0};
    int error = listen_all(files, "listen", NULL);

    files->clear_count = files->servers_count;
    if (!error && config_list_size(files->config, "files", NULL, "listen-tls") > 0)
        error = certificate_read(files->config, &pair);
    if (!error && pair.chain)
        error = listen_all(files, "listen-tls", &pair);
    if (pair.context)
        files->tls = tls_context_ref(pair.context);
    certificate_fini(&pair);
    return error;
}

/* The old certificate stays if the new one is not good. */
static int change_certificate(struct files *files, const struct config *config)
{
    struct certificate pair;
    int error;

    if (files->servers_count == files->clear_count)
        return 0;
    error = certificate_read(config, &pair);
    for (size_t i = files->clear_count; !error && i < files->servers_count; i++)
        error = http_server_change(files->servers[i], pair.chain, pair.key);
    if (!error) {
        tls_context_unref(files->tls);
        files->tls = tls_context_ref(pair.context);
    }
    certificate_fini(&pair);
    return error;
}

/* --- what has expired --- */

static void sweep(void *user)
{
    struct files *files = user;

    if (store_expire(files->store, clock_wall_us(), &files->more_expired) != 0)
        log_error("files_not_expired");
}

static void work(struct files *files, void (*job)(void *user));

static void on_swept(void *user)
{
    struct files *files = user;

    files->sweeping = false;
    if (files->more_expired && !files->stopping)
        work(files, sweep);
    files_release(files);
}

static void work(struct files *files, void (*job)(void *user))
{
    files->sweeping = true;
    files->open++;
    loop_work(files->loop, job, on_swept, files);
}

static void on_sweep(void *user)
{
    struct files *files = user;

    quota_sweep(files->quota, clock_wall_us());
    if (!files->sweeping)
        work(files, sweep);
}

static void tidy(void *user)
{
    struct files *files = user;

    store_tidy(files->store);
    sweep(files);
}

/* --- life --- */

static int open_store(struct files *files)
{
    const char *directory = text(files->config, "directory");
    char *problem = NULL;
    int error = store_open(directory, &files->store, &problem);

    if (error)
        log_error("files_no_store", LOG_TEXT("directory", directory), LOG_TEXT("reason", problem));
    free(problem);
    return error;
}

int files_start(struct loop *loop, const struct config *config, void **state)
{
    struct files *files = xcalloc(1, sizeof(*files));

    files->loop = loop;
    files->config = config;
    files->quota = quota_new();
    files->parsers = parser_pool_new();
    *state = files;
    if (open_store(files) != 0)
        return ERR_INVALID;
    read_limits(files, config);
    if (open_servers(files) != 0 || open_link(files) != 0)
        return ERR_INVALID;
    files->sweep = timer_new(loop, on_sweep, files);
    timer_start(files->sweep, SWEEP_MS, SWEEP_MS);
    work(files, tidy);
    return 0;
}

int files_reload(void *state, const struct config *config)
{
    struct files *files = state;
    int error = change_certificate(files, config);

    if (!error)
        read_limits(files, config);
    return error;
}

void files_release(struct files *files)
{
    if (--files->open > 0 || !files->stopping)
        return;
    void (*stopped)(void *user) = files->stopped;
    void *user = files->stopped_user;
    store_close(files->store);
    quota_free(files->quota);
    parser_pool_free(files->parsers);
    tls_context_unref(files->tls);
    free(files->servers);
    free(files);
    stopped(user);
}

static void on_server_closed(void *user)
{
    files_release(user);
}

void files_stop(void *state, void (*stopped)(void *user), void *user)
{
    struct files *files = state;

    files->stopping = true;
    files->stopped = stopped;
    files->stopped_user = user;
    timer_close(files->sweep);
    for (size_t i = 0; i < files->servers_count; i++)
        http_server_close(files->servers[i], on_server_closed, files);
    link_close(files->link);
}

/* "show counts" */
static void show_counts(void *state, struct control_request *request, size_t argc UNUSED,
                        const char *const *argv UNUSED)
{
    struct files *files = state;
    uint64_t count = 0, bytes = 0;
    int error = index_totals(store_index(files->store), &count, &bytes);

    control_print(request, "files: %" PRIu64 ", %" PRIu64 " bytes", count, bytes);
    control_print(request, "uploads: %" PRIu64, files->uploads);
    control_print(request, "downloads: %" PRIu64, files->downloads);
    control_end(request, error ? error_text(error) : NULL);
}

static void show_tls(void *state, struct control_request *request, size_t argc UNUSED,
                     const char *const *argv UNUSED)
{
    certificates_print(((const struct files *)state)->tls, request);
    control_end(request, NULL);
}

const struct control_command files_commands[] = {
    {"slot", 1, 1, request_control_slot,
     "NAME  a slot to try out what it is for: a text of 16 bytes, kept for a minute"},
    {"show counts", 0, 0, show_counts, "  files that are kept, and what was done since the start"},
    {"show tls", 0, 0, show_tls, "  the certificate that new connections are shown"},
    {0},
};
