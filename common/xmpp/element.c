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

/* How strings get into a copy. */
typedef const char *string_copier(struct arena *arena, const char *text);

static const char *copy_string(struct arena *arena, const char *text)
{
    return arena_strdup(arena, text);
}

static const char *share_string(struct arena *arena UNUSED, const char *text)
{
    return text;
}

static void copy_attributes(struct element *copy, const struct element *original,
                            string_copier *string)
{
    struct attribute **tail = &copy->attributes;

    for (const struct attribute *from = original->attributes; from; from = from->next) {
        struct attribute *attribute = arena_alloc(copy->arena, sizeof(*attribute));
        *attribute = (struct attribute){
            .ns = from->ns ? string(copy->arena, from->ns) : NULL,
            .name = string(copy->arena, from->name),
            .value = string(copy->arena, from->value),
        };
        *tail = attribute;
        tail = &attribute->next;
    }
}

/* Without what is inside. Elements in their parent's namespace have one string for it. */
static struct element *copy_alone(struct arena *arena, struct element *parent,
                                  const struct element *original, string_copier *string)
{
    bool same_ns = parent && original->parent->ns == original->ns;
    struct element *copy = arena_alloc(arena, sizeof(*copy));

    *copy = (struct element){.node = {.type = NODE_ELEMENT},
                             .arena = arena,
                             .parent = parent,
                             .ns = same_ns ? parent->ns : string(arena, original->ns),
                             .name = string(arena, original->name)};
    if (parent) {
        append(parent, &copy->node);
    }
    copy_attributes(copy, original, string);
    return copy;
}

static void copy_text(struct element *parent, const struct text *original, string_copier *string)
{
    struct text *copy = arena_alloc(parent->arena, sizeof(*copy));

    *copy = (struct text){.node = {.type = NODE_TEXT},
                          .data = string(parent->arena, original->data),
                          .length = original->length};
    append(parent, &copy->node);
}

/* Copies what is inside `original` into `copy`: down at each element, up at each end. */
static void copy_children(struct element *copy, const struct element *original,
                          string_copier *string)
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
            copy_text(copy, (const struct text *)node, string);
            node = node->next;
            continue;
        }
        from = (const struct element *)node;
        copy = copy_alone(copy->arena, copy, from, string);
        node = from->first;
    }
}

static struct element *copy_tree(struct arena *arena, const struct element *original,
                                 string_copier *string)
{
    struct element *copy = copy_alone(arena, NULL, original, string);

    copy_children(copy, original, string);
    return copy;
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
    return copy_tree(arena, original, copy_string);
}

struct element *element_copy_sharing(struct arena *arena, const struct element *original)
{
    arena_keep(arena, original->arena);
    return copy_tree(arena, original, share_string);
}

static bool shares_attributes(const struct element *copy, const struct element *original)
{
    const struct attribute *a = copy->attributes, *b = original->attributes;

    while (a && b && a->ns == b->ns && a->name == b->name && a->value == b->value) {
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

/* But for what is inside. */
static bool shares_node(const struct node *copy, const struct node *original)
{
    if (!copy || !original || copy->type != original->type) {
        return copy == original;
    }
    if (copy->type == NODE_TEXT) {
        return ((const struct text *)copy)->data == ((const struct text *)original)->data;
    }
    const struct element *a = (const struct element *)copy, *b = (const struct element *)original;
    return a->ns == b->ns && a->name == b->name && shares_attributes(a, b);
}

/* A string that is not the very same one is a change. */
bool element_shares_inside(const struct element *copy, const struct element *original)
{
    const struct element *a = copy, *b = original;
    const struct node *node = a->first, *other = b->first;

    while (shares_node(node, other)) {
        if (node && node->type == NODE_ELEMENT) {
            a = (const struct element *)node;
            b = (const struct element *)other;
            node = a->first;
            other = b->first;
        } else if (node) {
            node = node->next;
            other = other->next;
        } else if (a == copy) {
            return true;
        } else {
            node = a->node.next;
            other = b->node.next;
            a = a->parent;
            b = b->parent;
        }
    }
    return false;
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

struct element *element_take_out(struct element *child)
{
    element_remove(child->parent, child);
    arena_ref(child->arena);
    return child;
}

static bool attribute_is(const struct attribute *attribute, const char *ns, const char *name)
{
    if (!xml_equal(attribute->name, name)) {
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
    return (!name || xml_equal(element->name, name)) && (!ns || xml_equal(element->ns, ns));
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
