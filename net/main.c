/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-net: the links to the other nodes of the network (docs/NETWORK.md).
 */
#include "common/service/service.h"
#include "net/server.h"

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "kontalk-net",
        .description = "links this node with the others of its network",
        .start = server_start,
        .reload = server_reload,
        .stop = server_stop,
        .commands = server_commands,
        .metrics = server_metrics,
        .problem = server_problem,
    };

    return service_main(&service, argc, argv);
}
