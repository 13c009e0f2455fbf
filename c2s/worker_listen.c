/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where clients connect to a worker.
 */
#include <stdlib.h>

#include "c2s/client.h"
#include "c2s/web/bosh.h"
#include "c2s/web/web.h"
#include "c2s/worker.h"
#include "common/base/log.h"
#include "common/base/memory.h"

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

static int listen_at(struct worker *worker, const struct listener_settings *settings,
                     const char *purpose, void (*accepted)(void *user, int fd, const char *peer))
{
    struct listener *listener;
    const char *problem = NULL;
    int error = listener_open(worker->loop, settings, accepted, worker, &listener, &problem);

    if (error) {
        log_error("listen_failed", LOG_TEXT("addr", settings->address),
                  LOG_TEXT("reason", problem));
        return error;
    }
    log_info("listening", LOG_TEXT("addr", listener_address(listener)), LOG_TEXT("for", purpose));
    if (accepted == on_accepted_https)
        web_listens(worker->web, listener_address(listener));
    worker->listeners =
        xrealloc(worker->listeners, (worker->listeners_count + 1) * sizeof(*worker->listeners));
    worker->listeners[worker->listeners_count++] = listener;
    return 0;
}

static int listen_on(struct worker *worker, const char *key,
                     void (*accepted)(void *user, int fd, const char *peer))
{
    size_t count = config_list_size(worker->config, "c2s", NULL, key);
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++) {
        const struct listener_settings settings = {
            .address = config_list_item(worker->config, "c2s", NULL, key, i),
            .backlog = (int)config_number(worker->config, "c2s", NULL, "backlog"),
            .reuse_port = true,
        };
        error = listen_at(worker, &settings, key, accepted);
    }
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
        error = listen_at(worker, &settings, "other workers", on_accepted_http);
    free(address);
    return error;
}

int worker_listen(struct worker *worker)
{
    int error = listen_on(worker, "listen", on_accepted);

    if (error == 0)
        error = listen_on(worker, "listen-tls", on_accepted_tls);
    if (error == 0)
        error = listen_on(worker, "http-listen", on_accepted_http);
    if (error == 0)
        error = listen_on(worker, "https-listen", on_accepted_https);
    return error ? error : listen_for_workers(worker);
}
