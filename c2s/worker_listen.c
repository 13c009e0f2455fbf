/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where clients connect to a worker.
 */
#include <stdlib.h>

#include "c2s/client.h"
#include "c2s/web/bosh.h"
#include "c2s/web/web.h"
#include "c2s/worker.h"

static void on_accepted(void *user, int fd, const char *peer)
{
    client_accept(user, fd, peer, false);
}

static void on_accepted_tls(void *user, int fd, const char *peer)
{
    client_accept(user, fd, peer, true);
}

static void on_accepted_http(void *user, int fd, const char *peer)
{
    struct worker *worker = user;

    web_accept(worker->web, fd, peer, false);
}

static void on_accepted_https(void *user, int fd, const char *peer)
{
    struct worker *worker = user;

    web_accept(worker->web, fd, peer, true);
}

static int listen_on(struct worker *worker, const char *key, listener_accepted *accepted)
{
    const struct listener_settings settings = {
        .backlog = (int)config_number(worker->config, "c2s", NULL, "backlog"),
        .reuse_port = true,
    };

    return listeners_add_all(&worker->listeners, worker->loop, worker->config, "c2s", key,
                             &settings, accepted, worker);
}

static int listen_for_https(struct worker *worker)
{
    size_t before = worker->listeners.count;
    int error = listen_on(worker, "https-listen", on_accepted_https);

    for (size_t i = before; i < worker->listeners.count; i++)
        web_listens(worker->web, listener_address(worker->listeners.list[i]));
    return error;
}

/* Other workers bring requests of our BOSH sessions there (web/bosh_relay.c). */
static int listen_for_workers(struct worker *worker)
{
    char *address = bosh_relay_address(worker, worker->id);
    const struct listener_settings settings = {.address = address, .mode = 0600};
    int error = 0;

    if (config_list_size(worker->config, "c2s", NULL, "http-listen") > 0 ||
        config_list_size(worker->config, "c2s", NULL, "https-listen") > 0)
        error = listeners_add(&worker->inner, worker->loop, &settings, "other workers",
                              on_accepted_http, worker);
    free(address);
    return error;
}

void worker_unlisten(struct worker *worker)
{
    listeners_close(&worker->listeners);
    listeners_close(&worker->inner);
}

int worker_listen(struct worker *worker)
{
    int error = listen_on(worker, "listen", on_accepted);

    if (error == 0)
        error = listen_on(worker, "listen-tls", on_accepted_tls);
    if (error == 0)
        error = listen_on(worker, "http-listen", on_accepted_http);
    if (error == 0)
        error = listen_for_https(worker);
    return error ? error : listen_for_workers(worker);
}
