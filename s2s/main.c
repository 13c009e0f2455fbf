/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-s2s: federation with other domains (docs/FEDERATION.md).
 */
#include "common/service/service.h"
#include "s2s/server.h"

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "kontalk-s2s",
        .description = "federates with other XMPP domains",
        .start = server_start,
        .reload = server_reload,
        .stop = server_stop,
        .commands = server_commands,
        .specs = s2s_specs,
        .metrics = server_metrics,
        .problem = server_problem,
    };

    return service_main(&service, argc, argv);
}
