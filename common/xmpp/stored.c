/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Elements that were stored as XML text, read back.
 */
#include "common/xmpp/stored.h"

#include <string.h>

#include "common/base/arena.h"
#include "common/xmpp/namespaces.h"

static const struct parser_limits limits = {
    .header_bytes = 1024,
    .element_bytes = 64 * 1024 * 1024,
    .depth = 1024,
    .elements = 1024 * 1024,
    .attributes = 16 * 1024,
    .namespaces = 16 * 1024,
};

static void header_parsed(void *user UNUSED, const struct element *header UNUSED,
                          bool prefixes_foreign UNUSED)
{
}

static void element_parsed(void *user, struct element *root, const char *bytes UNUSED,
                           size_t length UNUSED)
{
    struct element **found = user;

    if (*found)
        arena_free((*found)->arena);
    *found = root;
}

static void footer_parsed(void *user UNUSED)
{
}

static const struct parser_ops ops = {
    .header = header_parsed,
    .element = element_parsed,
    .footer = footer_parsed,
};

struct element *stored_element(struct parser_pool *pool, const char *xml)
{
    static const char header[] =
        "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' version='1.0'>";
    struct element *root = NULL;
    struct parser *parser = parser_new(pool, &limits, false, &ops, &root);

    bool failed = parser_feed(parser, header, sizeof(header) - 1) < 0 ||
                  parser_feed(parser, xml, strlen(xml)) < 0;
    parser_free(parser);
    if (failed && root) {
        arena_free(root->arena);
        root = NULL;
    }
    return root;
}

struct stanza *stored_stanza(struct parser_pool *pool, const char *xml)
{
    struct element *root = stored_element(pool, xml);
    struct stanza *stanza;
    int problem;

    if (!root || stanza_from_element_take(root, NS_CLIENT, &stanza, &problem) < 0)
        return NULL;
    return stanza;
}
