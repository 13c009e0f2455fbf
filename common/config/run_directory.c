/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where the sockets of a daemon are.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/memory.h"
#include "common/config/config.h"

char *config_run_directory(const struct config *config, const char *daemon)
{
    const char *directory = config_text(config, "node", NULL, "run-directory");
    size_t length = strcspn(daemon, "@");
    char *own = xasprintf("%s/%.*s", directory, (int)length, daemon);
    struct stat status;

    if (stat(own, &status) == 0 && S_ISDIR(status.st_mode))
        return own;
    free(own);
    return xstrdup(directory);
}
