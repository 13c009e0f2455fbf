/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The name of a node's home.
 */
#include "common/config/config.h"

#include <string.h>

#include "common/base/memory.h"

char *config_home(const struct config *config)
{
    const char *home = config_text(config, "node", NULL, "home");
    const char *host = config_text(config, "node", NULL, "host");

    return home ? xstrdup(home) : xstrndup(host, strcspn(host, "."));
}
