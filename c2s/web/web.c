/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the connections of the web share.
 */
#include "c2s/web/web.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

struct web *web_new(struct worker *worker)
{
    struct web *web = xcalloc(1, sizeof(*web));

    web->worker = worker;
    web_reload(web);
    return web;
}

void web_reload(struct web *web)
{
    networks_free(web->proxies);
    web->proxies = networks_read(web->worker->config, "http-proxy");
}

void web_listens(struct web *web, const char *address)
{
    const char *port = strrchr(address, ':');

    if (web->https_port == NULL && port)
        web->https_port = xstrdup(port + 1);
}

bool web_is_proxy(const struct web *web, const char *address)
{
    return strcmp(address, "unix") == 0 || networks_hold(web->proxies, address);
}

bool web_is_empty(const struct web *web)
{
    return web->connections == NULL && web->sessions == NULL;
}

void web_free(struct web *web)
{
    if (web == NULL)
        return;
    networks_free(web->proxies);
    free(web->https_port);
    free(web);
}

bool web_allows_origin(const struct web *web, const char *origin)
{
    const struct config *config = web->worker->config;

    if (origin == NULL)
        return true;
    for (size_t i = 0; i < config_list_size(config, "c2s", NULL, "http-origin"); i++) {
        const char *allowed = config_list_item(config, "c2s", NULL, "http-origin", i);
        if (strcmp(allowed, "*") == 0 || strcmp(allowed, origin) == 0)
            return true;
    }
    return false;
}
