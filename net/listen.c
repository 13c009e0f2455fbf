/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where other nodes connect.
 */
#include "net/line.h"

static void on_accepted(void *user, int fd, const char *peer)
{
    line_accept(user, fd, peer);
}

int server_listen(struct server *server)
{
    return listeners_add_all(&server->listeners, server->loop, server->config, "net", "listen",
                             &(struct listener_settings){0}, on_accepted, server);
}
