/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Taking URLs apart (RFC 3986 §3).
 */
#include "kontalkctl/check/url.h"

#include <string.h>

#include "common/base/error.h"
#include "common/config/number.h"

static const struct {
    const char *scheme;
    bool tls;
    uint16_t port;
} SCHEMES[] = {
    {"https://", true, 443}, {"http://", false, 80}, {"wss://", true, 443}, {"ws://", false, 80}};

/* "host", "host:port", "[::1]:port" */
static int read_authority(struct arena *arena, const char *text, size_t length, struct url *url)
{
    const char *end = text + length, *host_end = end, *colon;
    const bool is_6 = length > 0 && text[0] == '[';
    int64_t port = url->port;

    if (is_6 && (host_end = memchr(text, ']', length)) == NULL)
        return ERR_INVALID;
    colon = memchr(is_6 ? host_end : text, ':', (size_t)(end - (is_6 ? host_end : text)));
    if (colon &&
        config_number_parse(CONFIG_NUMBER,
                            arena_strndup(arena, colon + 1, (size_t)(end - colon - 1)), &port) != 0)
        return ERR_INVALID;
    if (colon && !is_6)
        host_end = colon;
    text += is_6;
    url->host = arena_strndup(arena, text, (size_t)(host_end - text));
    url->port = (uint16_t)port;
    return url->host[0] && port > 0 && port <= UINT16_MAX ? 0 : ERR_INVALID;
}

int url_read(struct arena *arena, const char *text, struct url *url)
{
    for (size_t i = 0; text && i < ARRAY_SIZE(SCHEMES); i++) {
        size_t length = strlen(SCHEMES[i].scheme);
        if (strncmp(text, SCHEMES[i].scheme, length) != 0)
            continue;
        const char *authority = text + length;
        size_t end = strcspn(authority, "/?#");
        *url = (struct url){.tls = SCHEMES[i].tls, .port = SCHEMES[i].port};
        url->path = authority[end] == '/' ? arena_strdup(arena, authority + end) : "/";
        return read_authority(arena, authority, end, url);
    }
    return ERR_INVALID;
}
