/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where to connect otherwise than by TCP (XEP-0156): /.well-known/host-meta and its JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/domain.h"
#include "c2s/web/connection.h"
#include "common/base/memory.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid_prepare.h"

static const struct way {
    const char *rel;
    const char *key; /* of the configuration */
    const char *scheme;
    const struct web_route *route;
} ways[] = {
    {"urn:xmpp:alt-connections:websocket", "websocket-url", "wss", &web_websocket},
    {"urn:xmpp:alt-connections:xbosh", "bosh-url", "https", &web_bosh},
};

/* The domain that is asked for, by the field Host; else that of the network. free() it. */
static char *find_domain(const struct web_connection *connection, const struct http_head *head)
{
    const char *host = http_header(head, "host");
    char *name = xstrndup(host, strcspn(host, ":"));
    struct arena *arena = arena_new();
    const char *prepared;
    const struct domain *domain = NULL;

    if (jid_prepare_domain(arena, name, &prepared) == 0)
        domain = domains_find(connection->domains, prepared);
    free(name);
    name = xstrdup(domain ? domain->name : connection->web->worker->network);
    arena_free(arena);
    return name;
}

/* False: nobody has said where it is. */
static bool write_url(struct buffer *out, const struct web *web, const struct way *way,
                      const char *domain)
{
    const char *url = config_text(web->worker->config, "domain", domain, way->key);

    if (url)
        buffer_append_text(out, url);
    else if (web->https_port)
        buffer_printf(out, "%s://%s:%s%s", way->scheme, domain, web->https_port, way->route->path);
    return url || web->https_port;
}

static size_t write_links(struct buffer *out, const struct web *web, const char *domain, bool json)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct buffer url = {0};
        if (write_url(&url, web, &ways[i], domain) && json) {
            buffer_printf(out, "%s\n    {\"rel\": \"%s\", \"href\": \"%s\"}", count ? "," : "",
                          ways[i].rel, url.data);
            count++;
        } else if (url.length > 0) {
            buffer_printf(out, "  <Link rel='%s' href='", ways[i].rel);
            xml_escape(out, url.data);
            buffer_append_text(out, "'/>\n");
            count++;
        }
        buffer_fini(&url);
    }
    return count;
}

static void answer(struct web_request *request, const struct http_head *head, bool json)
{
    char *domain = find_domain(request->connection, head);
    struct buffer out = {0};

    buffer_append_text(&out, json ? "{\n  \"links\": ["
                                  : "<?xml version='1.0' encoding='utf-8'?>\n"
                                    "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n");
    size_t count = write_links(&out, request->connection->web, domain, json);
    buffer_append_text(&out, json ? "\n  ]\n}\n" : "</XRD>\n");
    if (count > 0)
        web_answer(request, 200, json ? "application/json" : "application/xrd+xml", out.data,
                   out.length);
    else
        web_refuse(request, 404);
    buffer_fini(&out);
    free(domain);
}

static void begin_xml(struct web_request *request, const struct http_head *head)
{
    answer(request, head, false);
}

static void begin_json(struct web_request *request, const struct http_head *head)
{
    answer(request, head, true);
}

const struct web_route web_host_meta = {
    .path = "/.well-known/host-meta",
    .methods = "GET",
    .is_public = true,
    .begin = begin_xml,
};

const struct web_route web_host_meta_json = {
    .path = "/.well-known/host-meta.json",
    .methods = "GET",
    .is_public = true,
    .begin = begin_json,
};
