/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * XML text from an element tree. Nothing of the text that once was parsed is used: prefixes,
 * references and declarations are made anew, so that every parser reads the same out of it.
 */
#include "common/xmpp/element.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/xmpp/namespaces.h"

/* A byte of a tree is written as so many, at most: "&apos;". */
#define WRITTEN_FACTOR 6

/* What stands for a byte that cannot be written as it is. */
enum replacement { PLAIN, AMP, LT, GT, APOS, QUOT, TAB, LF, CR, ILLEGAL };

static const struct {
    const char *text;
    size_t length;
} replacements[] = {
#define ROW(index, literal) [index] = {literal, sizeof(literal) - 1}
    ROW(AMP, "&amp;"),
    ROW(LT, "&lt;"),
    ROW(GT, "&gt;"),
    ROW(APOS, "&apos;"),
    ROW(QUOT, "&quot;"),
    ROW(TAB, "&#9;"),
    ROW(LF, "&#10;"),
    ROW(CR, "&#13;"),
    /* XML 1.0 has no way to write these; U+FFFD stands where one got into a tree of ours. */
    ROW(ILLEGAL, "\xEF\xBF\xBD"),
#undef ROW
};

#define ILLEGAL_BYTES                                                                              \
    [0x00 ... 0x08] = ILLEGAL, [0x0B] = ILLEGAL, [0x0C] = ILLEGAL, [0x0E ... 0x1F] = ILLEGAL

/* A carriage return would come out of the next parser as a line feed (XML 1.0 §2.11). */
static const uint8_t in_text[256] = {
    ILLEGAL_BYTES, ['&'] = AMP, ['<'] = LT, ['>'] = GT, ['\r'] = CR};
/* Between apostrophes; white space would come out as spaces (XML 1.0 §3.3.3). */
static const uint8_t in_attribute[256] = {ILLEGAL_BYTES, ['&'] = AMP,  ['<'] = LT,  ['>'] = GT,
                                          ['\''] = APOS, ['\t'] = TAB, ['\n'] = LF, ['\r'] = CR};
/* Anywhere. */
static const uint8_t everywhere[256] = {
    ILLEGAL_BYTES, ['&'] = AMP, ['<'] = LT, ['>'] = GT, ['\''] = APOS, ['"'] = QUOT, ['\r'] = CR};

/* Bytes that are compared at once (GCC and clang, any processor). */
typedef uint8_t block __attribute__((vector_size(16)));
#define BLOCK ((ptrdiff_t)sizeof(block))

/* Whether none of the bytes is in any of the tables; most text is like that. */
static inline bool is_plain_block(const char *p)
{
    uint64_t odd[2];
    block bytes;

    memcpy(&bytes, p, sizeof(bytes));
    block found = (block)(bytes < ' ') | (block)(bytes == '&') | (block)(bytes == '<') |
                  (block)(bytes == '>') | (block)(bytes == '\'') | (block)(bytes == '"');
    memcpy(odd, &found, sizeof(odd));
    return (odd[0] | odd[1]) == 0;
}

/* The first byte that is in the table, or `end`. The last block overlaps the one before. */
static const char *skip_plain(const char *p, const char *end, const uint8_t table[256])
{
    while (end - p >= BLOCK) {
        const char *stop = p + BLOCK;
        if (!is_plain_block(p)) {
            while (p < stop && table[(uint8_t)*p] == PLAIN) {
                p++;
            }
            if (p < stop) {
                return p;
            }
        } else if (end - stop < BLOCK && is_plain_block(end - BLOCK)) {
            return end;
        }
        p = stop;
    }
    while (p < end && table[(uint8_t)*p] == PLAIN) {
        p++;
    }
    return p;
}

static void write_escaped(struct buffer *out, const char *text, size_t length,
                          const uint8_t table[256])
{
    const char *end = text + length;

    for (const char *p = text;; p++) {
        const char *from = p;
        p = skip_plain(p, end, table);
        buffer_append(out, from, (size_t)(p - from));
        if (p == end) {
            return;
        }
        const uint8_t index = table[(uint8_t)*p];
        buffer_append(out, replacements[index].text, replacements[index].length);
    }
}

void xml_escape(struct buffer *out, const char *text)
{
    write_escaped(out, text, strlen(text), everywhere);
}

static void write_attribute(struct buffer *out, const char *name, const char *value)
{
    buffer_append_text(out, name);
    buffer_append_text(out, "='");
    write_escaped(out, value, strlen(value), in_attribute);
    buffer_append_text(out, "'");
}

/* The namespaces whose prefix needs no declaration: the stream has it, or XML itself. Neither may
 * or need be a default namespace. */
static const char *fixed_prefix(const char *ns)
{
    /* Most namespaces are "jabber:…" and "urn:…". */
    if (ns[0] != 'h') {
        return NULL;
    }
    if (strcmp(ns, NS_STREAM) == 0) {
        return "stream:";
    }
    return strcmp(ns, NS_XML) == 0 ? "xml:" : NULL;
}

/* The number of the prefix that this element declares for an attribute's namespace: the place of
 * the first attribute that has it. */
static unsigned prefix_number(const struct element *element, const struct attribute *attribute)
{
    unsigned number = 1;
    const struct attribute *a = element->attributes;

    while (a != attribute && (!a->ns || strcmp(a->ns, attribute->ns) != 0)) {
        number++;
        a = a->next;
    }
    return number;
}

static bool declares(const struct element *element, const struct attribute *attribute)
{
    for (const struct attribute *a = element->attributes; a != attribute; a = a->next) {
        if (a->ns && strcmp(a->ns, attribute->ns) == 0) {
            return false;
        }
    }
    return true;
}

static void write_attribute_ns(struct buffer *out, const struct element *element,
                               const struct attribute *attribute)
{
    const char *prefix = fixed_prefix(attribute->ns);

    if (prefix) {
        buffer_append_text(out, prefix);
        write_attribute(out, attribute->name, attribute->value);
        return;
    }
    unsigned number = prefix_number(element, attribute);
    if (declares(element, attribute)) {
        buffer_printf(out, "xmlns:a%u='", number);
        write_escaped(out, attribute->ns, strlen(attribute->ns), in_attribute);
        buffer_append_text(out, "' ");
    }
    buffer_printf(out, "a%u:", number);
    write_attribute(out, attribute->name, attribute->value);
}

static void write_attributes(struct buffer *out, const struct element *element)
{
    for (const struct attribute *a = element->attributes; a; a = a->next) {
        if (a->ns) {
            buffer_append_text(out, " ");
            write_attribute_ns(out, element, a);
        } else if (!xml_equal(a->name, "xmlns")) { /* which is no attribute (parser.h) */
            buffer_append_text(out, " ");
            write_attribute(out, a->name, a->value);
        }
    }
}

struct writer {
    struct buffer *out;
    const struct element *root;
    const char *from_ns; /* NULL: nothing is mapped */
    const char *default_ns;
};

/* Whether the element is in the content namespace together with all that is around it. A stanza
 * inside a foreign element (XEP-0297) is not: it keeps the namespace it says. */
static bool is_content(const struct writer *writer, const struct element *element)
{
    while (strcmp(element->ns, writer->from_ns) == 0) {
        if (element == writer->root) {
            return true;
        }
        element = element->parent;
    }
    return false;
}

static const char *written_ns(const struct writer *writer, const struct element *element)
{
    if (!writer->from_ns || !is_content(writer, element)) {
        return element->ns;
    }
    return writer->default_ns;
}

/* The default namespace in force inside `element`; NULL stands for what is around the root. */
static const char *ns_inside(const struct writer *writer, const struct element *element)
{
    while (element && fixed_prefix(element->ns)) {
        element = element == writer->root ? NULL : element->parent;
    }
    return element ? written_ns(writer, element) : writer->default_ns;
}

static void write_name(struct buffer *out, const struct element *element)
{
    const char *prefix = fixed_prefix(element->ns);

    if (prefix) {
        buffer_append_text(out, prefix);
    }
    buffer_append_text(out, element->name);
}

static void write_start(const struct writer *writer, const struct element *element)
{
    struct buffer *out = writer->out;

    buffer_append_text(out, "<");
    write_name(out, element);
    if (!fixed_prefix(element->ns)) {
        const char *ns = written_ns(writer, element);
        const struct element *around = element == writer->root ? NULL : element->parent;
        if (strcmp(ns, ns_inside(writer, around)) != 0) {
            buffer_append_text(out, " ");
            write_attribute(out, "xmlns", ns);
        }
    }
    write_attributes(out, element);
    if (element->first) {
        buffer_append_text(out, ">");
    } else {
        buffer_append_text(out, "/>");
    }
}

static void write_end(struct buffer *out, const struct element *element)
{
    buffer_append_text(out, "</");
    write_name(out, element);
    buffer_append_text(out, ">");
}

/* Down at each element that has something in it, up at each end. */
static void write_inside(const struct writer *writer)
{
    const struct element *open = writer->root;
    const struct node *node = open->first;

    while (node || open->first) {
        if (!node) {
            write_end(writer->out, open);
            if (open == writer->root) {
                return;
            }
            node = open->node.next;
            open = open->parent;
            continue;
        }
        if (node->type == NODE_TEXT) {
            const struct text *text = (const struct text *)node;
            write_escaped(writer->out, text->data, text->length, in_text);
            node = node->next;
            continue;
        }
        const struct element *element = (const struct element *)node;
        write_start(writer, element);
        if (element->first) {
            open = element;
            node = element->first;
        } else {
            node = node->next;
        }
    }
}

static void write_tree(const struct writer *writer)
{
    write_start(writer, writer->root);
    write_inside(writer);
}

void element_write(struct buffer *out, const struct element *element, const char *default_ns)
{
    write_tree(&(struct writer){out, element, NULL, default_ns});
}

void element_write_start(struct buffer *out, const struct element *element, const char *default_ns)
{
    write_start(&(struct writer){out, element, NULL, default_ns}, element);
}

void element_write_inside(struct buffer *out, const struct element *element, const char *default_ns)
{
    write_inside(&(struct writer){out, element, NULL, default_ns});
}

void element_write_as(struct buffer *out, const struct element *element, const char *from_ns,
                      const char *default_ns)
{
    bool maps = strcmp(from_ns, default_ns) != 0;

    write_tree(&(struct writer){out, element, maps ? from_ns : NULL, default_ns});
}

bool element_fits(const struct element *element, const char *default_ns, size_t max)
{
    struct buffer text = {0};
    bool fits;

    if (arena_size(element->arena) * WRITTEN_FACTOR <= max) { /* most are so small */
        return true;
    }
    element_write(&text, element, default_ns);
    fits = text.length <= max;
    buffer_fini(&text);
    return fits;
}
