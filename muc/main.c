/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-muc: rooms in which several people talk (docs/ROOMS.md).
 */
#include "common/service/service.h"
#include "muc/muc.h"

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "kontalk-muc",
        .description = "serves rooms in which several people talk (XEP-0045)",
        .start = muc_start,
        .reload = muc_reload,
        .stop = muc_stop,
        .commands = muc_commands,
        .specs = muc_specs,
        .metrics = muc_metrics,
        .problem = muc_problem,
    };

    return service_main(&service, argc, argv);
}
