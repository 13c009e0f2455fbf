/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-router: takes stanzas from one component to another by the domain they are addressed to.
 */
#include "common/service/service.h"
#include "router/router.h"

static int start(struct loop *loop, const struct config *config, void **state)
{
    int error = router_start(loop, config, state);
    if (!error)
        service_ready("routing");
    return error;
}

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "kontalk-router",
        .description = "routes stanzas between the daemons of a node and its components",
        .start = start,
        .reload = router_reload,
        .stop = router_stop,
        .commands = router_commands,
        .specs = router_specs,
        .metrics = router_metrics,
    };
    return service_main(&service, argc, argv);
}
