/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An XML element tree. Everything of one tree lives in one arena (base/arena.h) and is released
 * with it; nothing here is ever freed alone. Names, namespaces and values are NUL-terminated UTF-8
 * without NUL inside (XML has none). Strings that are passed in are copied into the arena.
 *
 * Trees are walked without recursion, so depth never costs stack.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/buffer.h"

struct attribute {
    const char *ns; /* NULL: no namespace, as usual for attributes */
    const char *name;
    const char *value;
    struct attribute *next;
};

enum node_type { NODE_ELEMENT, NODE_TEXT };

struct node {
    enum node_type type;
    struct node *next;
};

struct text {
    struct node node;
    const char *data;
    size_t length;
};

struct element {
    struct node node;
    struct arena *arena;
    struct element *parent;
    const char *ns; /* "" if none */
    const char *name;
    struct attribute *attributes;
    struct node *first;
    struct node *last;
};

/* A root. */
struct element *element_new(struct arena *arena, const char *ns, const char *name);
/* Appends a child. */
struct element *element_add(struct element *parent, const char *ns, const char *name);
/* Appends a child with only text in it. */
struct element *element_add_with_text(struct element *parent, const char *ns, const char *name,
                                      const char *text);
void element_add_text(struct element *parent, const char *text);
void element_add_text_length(struct element *parent, const char *text, size_t length);
/* Appends a deep copy made in parent's arena and returns it. */
struct element *element_add_copy(struct element *parent, const struct element *original);
/* A deep copy as a root in `arena`. */
struct element *element_copy(struct arena *arena, const struct element *original);
/* The same, but strings are those of the original, whose arena is kept (arena_keep()). */
struct element *element_copy_sharing(struct arena *arena, const struct element *original);
/* Whether what is inside such a copy has been left as it is in the original. */
bool element_shares_inside(const struct element *copy, const struct element *original);
void element_remove(struct element *parent, struct element *child);
/* The child as a root that is an owner of the arena, too: it may outlive its tree. */
struct element *element_take_out(struct element *child);

/* Attributes without namespace. Setting NULL removes. */
void element_set(struct element *element, const char *name, const char *value);
const char *element_get(const struct element *element, const char *name);
void element_set_ns(struct element *element, const char *ns, const char *name, const char *value);
const char *element_get_ns(const struct element *element, const char *ns, const char *name);

/* Names and namespaces that differ mostly do so in their first character. */
static inline bool xml_equal(const char *a, const char *b)
{
    return a[0] == b[0] && strcmp(a, b) == 0;
}
bool element_is(const struct element *element, const char *ns, const char *name);
/* First child element; any of the two may be NULL for "any". */
struct element *element_find(const struct element *parent, const char *ns, const char *name);
struct element *element_first(const struct element *parent);
struct element *element_next(const struct element *element);
#define ELEMENT_FOREACH(child, parent)                                                             \
    for (struct element *child = element_first(parent); child; child = element_next(child))
/* The text directly inside, joined in the tree's arena; "" if there is none. */
const char *element_text(const struct element *element);
/* The text of a child; NULL if there is no such child. */
const char *element_child_text(const struct element *parent, const char *ns, const char *name);

/* Appends the XML text. `default_ns` is the default namespace in force where it goes (the content
 * namespace of the stream); what is equal to it needs no xmlns, everything else is declared where
 * it stands, so that the text is complete in itself in any stream that declares
 * xmlns:stream='http://etherx.jabber.org/streams'. Everything that needs it is escaped. */
void element_write(struct buffer *out, const struct element *element, const char *default_ns);
/* As element_write, but elements in the namespace `from_ns` are written as if in `default_ns`:
 * stanzas keep their bytes but change the content namespace between streams. */
void element_write_as(struct buffer *out, const struct element *element, const char *from_ns,
                      const char *default_ns);
/* What element_write() writes, in two parts: the start tag; what is inside, and the end tag. */
void element_write_start(struct buffer *out, const struct element *element, const char *default_ns);
void element_write_inside(struct buffer *out, const struct element *element,
                          const char *default_ns);
/* Whether element_write() writes no more than `max` bytes of it. Its strings are its own: it is no
 * copy that shares them. */
bool element_fits(const struct element *element, const char *default_ns, size_t max);
/* Appends text with & < > ' " escaped: for the few places that write XML by hand. */
void xml_escape(struct buffer *out, const char *text);
/* Of an xs:boolean (XML Schema 2, 3.2.2), which has two words for each; NULL is false. */
bool xml_is_true(const char *text);
