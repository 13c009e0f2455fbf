/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading back elements that were stored as XML text. They have been through the limits of a client
 * stream once; here the parser only has to accept whatever they let through.
 */
#include <string.h>

#include "c2s/sm/sm.h"
#include "common/base/log.h"
#include "common/xmpp/parser.h"

static const struct parser_limits limits = {
    .header_bytes = 1024,
    .element_bytes = 64 * 1024 * 1024,
    .depth = 1024,
    .elements = 1024 * 1024,
    .attributes = 16 * 1024,
    .namespaces = 16 * 1024,
};

static void header_parsed(void *user, const struct element *header, bool prefixes_foreign)
{
    (void)user;
    (void)header;
    (void)prefixes_foreign;
}

static void element_parsed(void *user, struct element *root, const char *bytes, size_t length)
{
    struct element **found = user;

    (void)bytes;
    (void)length;
    if (*found) {
        arena_free((*found)->arena);
    }
    *found = root;
}

static void footer_parsed(void *user)
{
    (void)user;
}

static const struct parser_ops ops = {
    .header = header_parsed,
    .element = element_parsed,
    .footer = footer_parsed,
};

struct element *sm_parse(struct sm *sm, const char *xml)
{
    static const char header[] =
        "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' version='1.0'>";
    struct element *root = NULL;
    struct parser *parser = parser_new(sm->parsers, &limits, false, &ops, &root);

    if (parser_feed(parser, header, sizeof(header) - 1) < 0 ||
        parser_feed(parser, xml, strlen(xml)) < 0 || !root) {
        log_error("sm_stored_xml_damaged", LOG_INT("length", strlen(xml)));
    }
    parser_free(parser);
    return root;
}

struct stanza *sm_parse_stanza(struct sm *sm, const char *xml)
{
    struct element *root = sm_parse(sm, xml);
    struct stanza *stanza;
    int problem;

    if (!root || stanza_from_element_take(root, NS_CLIENT, &stanza, &problem) < 0) {
        return NULL;
    }
    return stanza;
}

char *sm_format(const struct element *element)
{
    struct buffer out = {0};

    element_write(&out, element, NS_CLIENT);
    return buffer_take(&out);
}
