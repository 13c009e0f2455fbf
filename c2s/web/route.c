/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What there is, by path, and what browsers are told about it (the Fetch standard's CORS protocol).
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "c2s/web/connection.h"
#include "common/base/memory.h"

static const struct web_route *const routes[] = {
    &web_websocket,
    &web_bosh,
    &web_host_meta,
    &web_host_meta_json,
};

const struct web_route *web_route_find(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        if (strcmp(routes[i]->path, path) == 0)
            return routes[i];
    return NULL;
}

const char *web_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {413, "Content Too Large"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}

void web_write_cors(struct buffer *out, const struct web_request *request, bool preflight)
{
    const struct web_route *route = request->route;

    if (route == NULL)
        return;
    if (route->is_public) {
        buffer_append_text(out, "Access-Control-Allow-Origin: *\r\n");
    } else {
        buffer_append_text(out, "Vary: Origin\r\n");
        if (request->origin && web_allows_origin(request->connection->web, request->origin))
            buffer_printf(out, "Access-Control-Allow-Origin: %s\r\n", request->origin);
    }
    if (preflight)
        buffer_printf(out,
                      "Access-Control-Allow-Methods: %s, OPTIONS\r\n"
                      "Access-Control-Allow-Headers: Content-Type\r\n"
                      "Access-Control-Max-Age: 86400\r\n",
                      route->methods);
}

/* All of X-Forwarded-For, in order. */
static void collect(struct buffer *list, const struct http_head *head)
{
    for (size_t i = 0; i < head->headers_count; i++)
        if (strcasecmp(head->headers[i].name, "X-Forwarded-For") == 0)
            buffer_printf(list, "%s%s", list->length ? "," : "", head->headers[i].value);
}

/* Each proxy adds at the end whom it saw: what stands in front of the first that is none of ours
 * may have been written by anybody. */
char *web_client_address(const struct web_connection *connection, const struct http_head *head)
{
    const struct web *web = connection->web;
    char *address = xstrdup(connection->address);
    struct buffer list = {0};
    unsigned char bytes[16];

    if (web_is_proxy(web, address))
        collect(&list, head);
    while (list.length > 0 && web_is_proxy(web, address)) {
        char *comma = strrchr(list.data, ',');
        char *one = comma ? comma + 1 : list.data;
        one += strspn(one, " \t");
        one[strcspn(one, " \t")] = '\0';
        if (!networks_parse_address(one, bytes))
            break;
        free(address);
        address = xstrdup(one);
        list.length = comma ? (size_t)(comma - list.data) : 0;
        list.data[list.length] = '\0';
    }
    buffer_fini(&list);
    return address;
}
