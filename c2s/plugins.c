/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which plugin serves the accounts.
 */
#include <dlfcn.h>

#include "c2s/sm/plugin.h"
#include "c2s/worker.h"
#include "common/base/log.h"

static const struct c2s_plugin *complain(const char *path)
{
    log_error("plugin_unusable", LOG_TEXT("file", path), LOG_TEXT("reason", dlerror()));
    return NULL;
}

/* Its version is looked at before its symbols are resolved: what it misses here may be just what
 * another release had. */
static const struct c2s_plugin *load(const char *path)
{
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    const struct c2s_plugin *plugin = library ? dlsym(library, "c2s_plugin") : NULL;

    if (plugin == NULL)
        return complain(path);
    if (plugin->abi != C2S_PLUGIN_ABI || plugin->size != sizeof(*plugin)) {
        log_error("plugin_incompatible", LOG_TEXT("file", path), LOG_INT("abi", plugin->abi),
                  LOG_INT("wanted", C2S_PLUGIN_ABI));
        return NULL;
    }
    return dlopen(path, RTLD_NOW | RTLD_LOCAL) ? plugin : complain(path);
}

const struct c2s_plugin *plugin_find(const struct config *config)
{
    const char *path = config_text(config, "c2s", NULL, "plugin");
    const struct c2s_plugin *plugin = path ? load(path) : &sm_plugin;

    if (plugin)
        log_info("plugin_loaded", LOG_TEXT("plugin", plugin->name));
    return plugin;
}
