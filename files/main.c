/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalk-files: takes files of users, and gives them to whoever knows their URL (docs/FILES.md).
 */
#include "common/service/service.h"
#include "files/files.h"

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "kontalk-files",
        .description = "takes and serves the files that users share",
        .start = files_start,
        .reload = files_reload,
        .stop = files_stop,
        .commands = files_commands,
        .specs = files_specs,
        .metrics = files_metrics,
        .problem = files_problem,
    };

    return service_main(&service, argc, argv);
}
