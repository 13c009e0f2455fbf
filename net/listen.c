/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where other nodes connect.
 */
#include "common/base/log.h"
#include "common/base/memory.h"
#include "net/line.h"

static void on_accepted(void *user, int fd, const char *peer)
{
    line_accept(user, fd, peer);
}

int server_listen(struct server *server)
{
    size_t count = config_list_size(server->config, "net", NULL, "listen");
    for (size_t i = 0; i < count; i++) {
        const struct listener_settings settings = {
            .address = config_list_item(server->config, "net", NULL, "listen", i),
        };
        struct listener *listener;
        const char *problem = NULL;
        int error =
            listener_open(server->loop, &settings, on_accepted, server, &listener, &problem);
        if (error) {
            log_error("listen_failed", LOG_TEXT("addr", settings.address),
                      LOG_TEXT("reason", problem));
            return error;
        }
        log_info("listening", LOG_TEXT("addr", listener_address(listener)),
                 LOG_TEXT("for", "listen"));
        server->listeners =
            xrealloc(server->listeners, (server->listeners_count + 1) * sizeof(*server->listeners));
        server->listeners[server->listeners_count++] = listener;
    }
    return 0;
}
