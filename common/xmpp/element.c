/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An XML element tree in an arena.
 */
#include "common/xmpp/element.h"

#include <string.h>

static struct element *make(struct arena *arena, const char *ns, const char *name)
{
    struct element *element = arena_alloc(arena, sizeof(*element));

    *element = (struct element){.node = {.type = NODE_ELEMENT},
                                .arena = arena,
                                .ns = ns,
                                .name = arena_strdup(arena, name)};
    return element;
}

static void append(struct element *parent, struct node *node)
{
    if (parent->last) {
        parent->last->next = node;
    } else {
        parent->first = node;
    }
    parent->last = node;
}

struct element *element_new(struct arena *arena, const char *ns, const char *name)
{
    return make(arena, arena_strdup(arena, ns ? ns : ""), name);
}

struct element *element_add(struct element *parent, const char *ns, const char *name)
{
    /* Most children are in their parent's namespace: one string for all of them. */
    const char *own_ns = ns ? ns : "";
    if (strcmp(own_ns, parent->ns) == 0) {
        own_ns = parent->ns;
    } else {
        own_ns = arena_strdup(parent->arena, own_ns);
    }
    struct element *element = make(parent->arena, own_ns, name);

    element->parent = parent;
    append(parent, &element->node);
    return element;
}

struct element *element_add_with_text(struct element *parent, const char *ns, const char *name,
                                      const char *text)
{
    struct element *element = element_add(parent, ns, name);

    element_add_text(element, text);
    return element;
}

void element_add_text(struct element *parent, const char *text)
{
    element_add_text_length(parent, text, strlen(text));
}

void element_add_text_length(struct element *parent, const char *text, size_t length)
{
    if (length == 0) {
        return;
    }
    struct text *node = arena_alloc(parent->arena, sizeof(*node));
    *node = (struct text){.node = {.type = NODE_TEXT},
                          .data = arena_strndup(parent->arena, text, length),
                          .length = length};
    append(parent, &node->node);
}

static void copy_attributes(struct element *copy, const struct element *original)
{
    struct attribute **tail = &copy->attributes;

    for (const struct attribute *from = original->attributes; from; from = from->next) {
        struct attribute *attribute = arena_alloc(copy->arena, sizeof(*attribute));
        *attribute = (struct attribute){
            .ns = from->ns ? arena_strdup(copy->arena, from->ns) : NULL,
            .name = arena_strdup(copy->arena, from->name),
            .value = arena_strdup(copy->arena, from->value),
        };
        *tail = attribute;
        tail = &attribute->next;
    }
}

/* Copies what is inside `original` into `copy`: down at each element, up at each end. */
static void copy_children(struct element *copy, const struct element *original)
{
    const struct element *from = original;
    const struct node *node = from->first;

    for (;;) {
        while (!node) {
            if (from == original) {
                return;
            }
            node = from->node.next;
            from = from->parent;
            copy = copy->parent;
        }
        if (node->type == NODE_TEXT) {
            const struct text *text = (const struct text *)node;
            element_add_text_length(copy, text->data, text->length);
            node = node->next;
            continue;
        }
        from = (const struct element *)node;
        copy = element_add(copy, from->ns, from->name);
        copy_attributes(copy, from);
        node = from->first;
    }
}

struct element *element_add_copy(struct element *parent, const struct element *original)
{
    /* Filled before it is appended, as `parent` may stand inside `original`. */
    struct element *copy = element_copy(parent->arena, original);

    copy->parent = parent;
    append(parent, &copy->node);
    return copy;
}

struct element *element_copy(struct arena *arena, const struct element *original)
{
    struct element *copy = element_new(arena, original->ns, original->name);

    copy_attributes(copy, original);
    copy_children(copy, original);
    return copy;
}

void element_remove(struct element *parent, struct element *child)
{
    struct node *before = NULL;
    struct node **link = &parent->first;

    while (*link && *link != &child->node) {
        before = *link;
        link = &before->next;
    }
    if (!*link) {
        return;
    }
    *link = child->node.next;
    if (parent->last == &child->node) {
        parent->last = before;
    }
    child->node.next = NULL;
    child->parent = NULL;
}

static bool attribute_is(const struct attribute *attribute, const char *ns, const char *name)
{
    if (strcmp(attribute->name, name) != 0) {
        return false;
    }
    if (!ns || !attribute->ns) {
        return ns == attribute->ns;
    }
    return strcmp(attribute->ns, ns) == 0;
}

void element_set(struct element *element, const char *name, const char *value)
{
    element_set_ns(element, NULL, name, value);
}

const char *element_get(const struct element *element, const char *name)
{
    return element_get_ns(element, NULL, name);
}

void element_set_ns(struct element *element, const char *ns, const char *name, const char *value)
{
    struct attribute **link = &element->attributes;

    while (*link && !attribute_is(*link, ns, name)) {
        link = &(*link)->next;
    }
    if (!value) {
        if (*link) {
            *link = (*link)->next;
        }
        return;
    }
    if (!*link) {
        *link = arena_alloc(element->arena, sizeof(**link));
        **link = (struct attribute){.ns = ns ? arena_strdup(element->arena, ns) : NULL,
                                    .name = arena_strdup(element->arena, name)};
    }
    (*link)->value = arena_strdup(element->arena, value);
}

const char *element_get_ns(const struct element *element, const char *ns, const char *name)
{
    for (const struct attribute *a = element->attributes; a; a = a->next) {
        if (attribute_is(a, ns, name)) {
            return a->value;
        }
    }
    return NULL;
}

bool element_is(const struct element *element, const char *ns, const char *name)
{
    return (!name || strcmp(element->name, name) == 0) && (!ns || strcmp(element->ns, ns) == 0);
}

static struct element *first_element(struct node *node)
{
    while (node && node->type != NODE_ELEMENT) {
        node = node->next;
    }
    return (struct element *)node;
}

struct element *element_find(const struct element *parent, const char *ns, const char *name)
{
    ELEMENT_FOREACH (child, parent) {
        if (element_is(child, ns, name)) {
            return child;
        }
    }
    return NULL;
}

struct element *element_first(const struct element *parent)
{
    return first_element(parent->first);
}

struct element *element_next(const struct element *element)
{
    return first_element(element->node.next);
}

static const char *join_text(const struct element *element, size_t length)
{
    char *joined = arena_alloc(element->arena, length + 1);
    char *end = joined;

    for (const struct node *node = element->first; node; node = node->next) {
        if (node->type == NODE_TEXT) {
            const struct text *text = (const struct text *)node;
            memcpy(end, text->data, text->length);
            end += text->length;
        }
    }
    *end = '\0';
    return joined;
}

const char *element_text(const struct element *element)
{
    const struct text *only = NULL;
    size_t texts = 0, length = 0;

    for (const struct node *node = element->first; node; node = node->next) {
        if (node->type == NODE_TEXT) {
            only = (const struct text *)node;
            texts++;
            length += only->length;
        }
    }
    if (texts == 0) {
        return "";
    }
    return texts == 1 ? only->data : join_text(element, length);
}

const char *element_child_text(const struct element *parent, const char *ns, const char *name)
{
    const struct element *child = element_find(parent, ns, name);

    return child ? element_text(child) : NULL;
}

bool xml_is_true(const char *text)
{
    return text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}
