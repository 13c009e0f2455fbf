/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A second opinion on XML: whether expat reads the same tree.
 */
#pragma once

#include <expat.h>
#include <string.h>

#include "common/xmpp/element.h"
#include "common/xmpp/namespaces.h"
#include "tests/unit/unit.h"

#define HEADER "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'>"
#define FOOTER "</stream:stream>"

/* The dump of a tree is what parsers have to agree on: "(ns|name @ns|name=value …" with children
 * and text in between, ")" at the end. */
static inline void dump_start(struct buffer *out, const struct element *element)
{
    buffer_printf(out, "(%s|%s", element->ns, element->name);
    for (const struct attribute *a = element->attributes; a; a = a->next) {
        buffer_printf(out, " @%s|%s=%s", a->ns ? a->ns : "", a->name, a->value);
    }
    buffer_append_char(out, '>');
}

static inline void dump(struct buffer *out, const struct element *root)
{
    const struct element *open = root;
    const struct node *node = root->first;

    dump_start(out, root);
    for (;;) {
        if (!node) {
            buffer_append_char(out, ')');
            if (open == root) {
                return;
            }
            node = open->node.next;
            open = open->parent;
        } else if (node->type == NODE_TEXT) {
            const struct text *text = (const struct text *)node;
            assert_int_equal(strlen(text->data), text->length);
            buffer_append(out, text->data, text->length);
            node = node->next;
        } else {
            open = (const struct element *)node;
            dump_start(out, open);
            node = open->first;
        }
    }
}

/* The same by expat. It joins namespace and name with a line feed, which is in neither. */
struct expat_dump {
    struct buffer text;
    unsigned depth;
    unsigned roots;
};

static inline void dump_expat_name(struct buffer *out, const char *joined)
{
    const char *name = strchr(joined, '\n');

    if (name) {
        buffer_printf(out, "%.*s|%s", (int)(name - joined), joined, name + 1);
    } else {
        buffer_printf(out, "|%s", joined);
    }
}

static inline void on_expat_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct expat_dump *expat = user;

    if (expat->depth++ == 0) {
        return;
    }
    expat->roots += expat->depth == 2;
    buffer_append_char(&expat->text, '(');
    dump_expat_name(&expat->text, name);
    for (; *attributes; attributes += 2) {
        buffer_append_text(&expat->text, " @");
        dump_expat_name(&expat->text, attributes[0]);
        buffer_printf(&expat->text, "=%s", attributes[1]);
    }
    buffer_append_char(&expat->text, '>');
}

static inline void on_expat_end(void *user, const XML_Char *name)
{
    struct expat_dump *expat = user;

    (void)name;
    if (--expat->depth > 0) {
        buffer_append_char(&expat->text, ')');
    }
}

static inline void on_expat_text(void *user, const XML_Char *text, int length)
{
    struct expat_dump *expat = user;

    buffer_append(&expat->text, text, (size_t)length);
}

/* Fails unless expat finds exactly this tree in the bytes. */
static inline void expect_expat(const char *bytes, size_t length, const char *expected,
                                size_t number)
{
    XML_Parser parser = XML_ParserCreateNS("UTF-8", '\n');
    struct expat_dump expat = {0};
    struct buffer stream = {0};

    buffer_append_text(&stream, HEADER);
    buffer_append(&stream, bytes, length);
    buffer_append_text(&stream, FOOTER);
    buffer_append_text(&expat.text, "");
    XML_SetUserData(parser, &expat);
    XML_SetElementHandler(parser, on_expat_start, on_expat_end);
    XML_SetCharacterDataHandler(parser, on_expat_text);
    if (XML_Parse(parser, stream.data, (int)stream.length, 1) != XML_STATUS_OK) {
        fail_msg("case %zu: expat says %s of\n%s", number,
                 XML_ErrorString(XML_GetErrorCode(parser)), stream.data);
    }
    if (expat.roots != 1 || strcmp(expat.text.data, expected) != 0) {
        fail_msg("case %zu: %u elements from expat:\n%s\nexpected:\n%s", number, expat.roots,
                 expat.text.data, expected);
    }
    XML_ParserFree(parser);
    buffer_fini(&stream);
    buffer_fini(&expat.text);
}
