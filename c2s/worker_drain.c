/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A worker that is emptied: it takes no more clients and tells those that it has one after another
 * that it ends (system-shutdown, RFC 6120 §4.9.3.21; see-other-host is for another host, and a
 * worker is none). Their sessions stay resumable (XEP-0198), at another worker of the node or at
 * the process that comes after this one. Told slowly, they do not come back all at once. Then it
 * stops.
 */
#include <stdlib.h>

#include "c2s/client.h"
#include "c2s/worker.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/config/number.h"
#include "common/service/service.h"

#define TICK_MS         100
#define TICKS_REPORT    10
#define SECONDS_DEFAULT 30
#define SECONDS_MAX     3600
/* Behind the last word to the last client; then what is left is closed as by any stop. */
#define LEAVE_MS 5000

struct drain {
    struct worker *worker;
    struct control_request *request; /* NULL: it was answered */
    struct timer *timer;
    uint64_t begun_ms, told_all_ms;
    size_t at_once; /* so many are told in a tick */
    size_t told;
    unsigned ticks;
};

static void report(struct drain *drain)
{
    control_print(drain->request, "told %zu left %zu", drain->told, drain->worker->clients_count);
    control_flush(drain->request);
}

/* Whether everybody has been told. */
static bool tell_some(struct drain *drain)
{
    struct client *client, *next;
    size_t now = 0;

    DL_FOREACH_SAFE (drain->worker->clients, client, next) {
        bool open = !client->ended && stream_state(client->stream) < STREAM_CLOSING;
        if (open && now == drain->at_once)
            return false;
        now += open;
        drain->told += open;
        if (open)
            client_shutdown(client, "this worker ends; log in again");
    }
    return true;
}

static void finish(struct drain *drain)
{
    struct control_request *request = drain->request;

    report(drain);
    log_info("drained", LOG_INT("told", drain->told), LOG_INT("left", drain->worker->clients_count),
             LOG_INT("ms", clock_monotonic_ms() - drain->begun_ms));
    drain->request = NULL;
    control_end(request, NULL);
    service_stop();
}

static void on_tick(void *user)
{
    struct drain *drain = user;
    uint64_t now = clock_monotonic_ms();

    if (!tell_some(drain))
        drain->told_all_ms = 0;
    else if (drain->told_all_ms == 0)
        drain->told_all_ms = now;
    if (drain->told_all_ms &&
        (drain->worker->clients == NULL || now - drain->told_all_ms >= LEAVE_MS)) {
        finish(drain);
        return;
    }
    if (++drain->ticks % TICKS_REPORT == 0)
        report(drain);
    timer_start(drain->timer, TICK_MS, 0);
}

static size_t share(size_t clients, uint64_t seconds)
{
    uint64_t ticks = MAX(seconds * 1000 / TICK_MS, 1);

    return MAX((clients + ticks - 1) / ticks, 1);
}

static void begin(struct worker *worker, struct control_request *request, uint64_t seconds)
{
    struct drain *drain = xcalloc(1, sizeof(*drain));
    const char *const *ids;
    size_t workers = worker_ids(worker, &ids);

    drain->worker = worker;
    drain->request = request;
    drain->timer = timer_new(worker->loop, on_tick, drain);
    drain->begun_ms = clock_monotonic_ms();
    drain->at_once = share(worker->clients_count, seconds);
    worker->drain = drain;
    listeners_close(&worker->listeners);
    log_info("draining", LOG_INT("clients", worker->clients_count), LOG_INT("seconds", seconds));
    service_status("draining: takes no more clients, and ends when it has none");
    control_print(request, "clients %zu others %zu", worker->clients_count,
                  workers > 0 ? workers - 1 : 0);
    control_flush(request);
    timer_start(drain->timer, 0, 0);
}

void drain_end(struct worker *worker)
{
    struct drain *drain = worker->drain;

    if (drain == NULL)
        return;
    timer_close(drain->timer);
    if (drain->request)
        control_end(drain->request, "it was stopped meanwhile");
    worker->drain = NULL;
    free(drain);
}

static void command_drain(void *state, struct control_request *request, size_t argc,
                          const char *const *argv)
{
    struct worker *worker = state;
    int64_t seconds = SECONDS_DEFAULT;

    if (argc > 0 &&
        (config_number_parse(CONFIG_NUMBER, argv[0], &seconds) != 0 || seconds > SECONDS_MAX))
        control_end(request, "not a number of seconds, 0 to 3600");
    else if (worker->stopping)
        control_end(request, "it stops already");
    else if (worker->drain)
        control_end(request, "it drains already");
    else
        begin(worker, request, (uint64_t)seconds);
}

const struct control_command drain_commands[] = {
    {"drain", 0, 1, command_drain,
     "[SECONDS]  take no more clients, tell those that are here within so long, and end"},
    {0},
};
