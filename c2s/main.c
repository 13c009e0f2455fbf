/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-c2s: clients, and through its plugin their accounts.
 */
#include "c2s/metrics.h"
#include "c2s/worker.h"
#include "common/service/service.h"

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "kontalk-c2s",
        .description = "serves XMPP clients and their accounts",
        .start = worker_start,
        .reload = worker_reload,
        .stop = worker_stop,
        .commands = worker_commands,
        .specs = c2s_specs,
        .metrics = worker_metrics,
        .problem = worker_problem,
    };

    return service_main(&service, argc, argv);
}
