/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas: from trees, made anew, copied, addressed, written.
 */
#include "common/xmpp/stanza.h"

#include <string.h>

#include "common/base/error.h"
#include "common/xmpp/namespaces.h"

struct type_row {
    enum stanza_type type;
    const char *name; /* of the attribute; NULL: not given */
};

static const struct type_row message_types[] = {
    {MESSAGE_NORMAL, NULL},           {MESSAGE_NORMAL, "normal"},     {MESSAGE_CHAT, "chat"},
    {MESSAGE_GROUPCHAT, "groupchat"}, {MESSAGE_HEADLINE, "headline"}, {MESSAGE_ERROR, "error"},
};

static const struct type_row presence_types[] = {
    {PRESENCE_AVAILABLE, NULL},
    {PRESENCE_UNAVAILABLE, "unavailable"},
    {PRESENCE_SUBSCRIBE, "subscribe"},
    {PRESENCE_SUBSCRIBED, "subscribed"},
    {PRESENCE_UNSUBSCRIBE, "unsubscribe"},
    {PRESENCE_UNSUBSCRIBED, "unsubscribed"},
    {PRESENCE_PROBE, "probe"},
    {PRESENCE_ERROR, "error"},
};

static const struct type_row iq_types[] = {
    {IQ_GET, "get"},
    {IQ_SET, "set"},
    {IQ_RESULT, "result"},
    {IQ_ERROR, "error"},
};

static const struct kind_row {
    const char *name;
    const struct type_row *types;
    size_t count;
    /* What an unknown type is handled as. For presence and iq that is also a problem; the type
     * given then is one that may be answered with an error. */
    enum stanza_type unknown;
} kinds[] = {
    [STANZA_MESSAGE] = {"message", message_types, ARRAY_SIZE(message_types), MESSAGE_NORMAL},
    [STANZA_PRESENCE] = {"presence", presence_types, ARRAY_SIZE(presence_types),
                         PRESENCE_AVAILABLE},
    [STANZA_IQ] = {"iq", iq_types, ARRAY_SIZE(iq_types), IQ_GET},
};

static int find_kind(const struct element *root)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].name, root->name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static const struct type_row *find_type(const struct kind_row *kind, const char *name)
{
    for (size_t i = 0; i < kind->count; i++) {
        const struct type_row *row = &kind->types[i];
        if (row->name == name || (row->name && name && strcmp(row->name, name) == 0)) {
            return row;
        }
    }
    return NULL;
}

/* Maps the root, and what is in its namespace inside it without a foreign element between, to
 * NS_CLIENT: the counterpart of element_write_as(). */
static void rename_content(struct element *root, const char *content_ns)
{
    const char *client = arena_strdup(root->arena, NS_CLIENT);
    struct element *element = root;

    while (element) {
        struct element *next = NULL;
        if (strcmp(element->ns, content_ns) == 0) {
            element->ns = client;
            next = element_first(element);
        }
        while (!next && element != root) {
            next = element_next(element);
            element = element->parent;
        }
        element = next;
    }
}

/* The address in the attribute, whose value becomes the prepared form. */
static int read_address(struct element *root, const char *name, struct jid *jid, bool *has)
{
    struct attribute *attribute = root->attributes;

    while (attribute && (attribute->ns || !xml_equal(attribute->name, name))) {
        attribute = attribute->next;
    }
    if (!attribute) {
        return 0;
    }
    int error = jid_parse(root->arena, attribute->value, jid);
    if (error) {
        return error;
    }
    attribute->value = jid->full;
    *has = true;
    return 0;
}

static bool has_one_child(const struct element *root)
{
    const struct element *first = element_first(root);

    return first && !element_next(first);
}

static bool is_bad_request(const struct stanza *stanza, const struct type_row *type)
{
    if (!type) {
        return stanza->kind != STANZA_MESSAGE;
    }
    if (stanza->kind != STANZA_IQ) {
        return false;
    }
    if (!stanza_id(stanza)) {
        return true;
    }
    return (type->type == IQ_GET || type->type == IQ_SET) && !has_one_child(stanza->root);
}

/* Fills in the stanza; ERR_MALFORMED: its 'from' is no address. */
static int read_stanza(struct stanza *stanza, int *problem)
{
    const struct kind_row *kind = &kinds[stanza->kind];
    const struct type_row *type = find_type(kind, element_get(stanza->root, "type"));

    stanza->type = type ? type->type : kind->unknown;
    *problem = is_bad_request(stanza, type) ? (int)STANZA_BAD_REQUEST : -1;
    if (read_address(stanza->root, "to", &stanza->to, &stanza->has_to)) {
        *problem = STANZA_JID_MALFORMED;
    }
    return read_address(stanza->root, "from", &stanza->from, &stanza->has_from);
}

static struct stanza *make(struct arena *arena, struct element *root, enum stanza_kind kind)
{
    struct stanza *stanza = arena_alloc(arena, sizeof(*stanza));

    *stanza = (struct stanza){.references = 1, .arena = arena, .root = root, .kind = kind};
    return stanza;
}

int stanza_from_element_take(struct element *root, const char *content_ns, struct stanza **stanza,
                             int *problem)
{
    struct arena *arena = root->arena;
    int kind = strcmp(root->ns, content_ns) == 0 ? find_kind(root) : -1;

    if (kind < 0) {
        arena_free(arena);
        return ERR_UNSUPPORTED;
    }
    if (strcmp(content_ns, NS_CLIENT) != 0) {
        rename_content(root, content_ns);
    }
    *stanza = make(arena, root, (enum stanza_kind)kind);
    if (read_stanza(*stanza, problem)) {
        arena_free(arena);
        *stanza = NULL;
        return ERR_MALFORMED;
    }
    return 0;
}

struct stanza *stanza_new(enum stanza_kind kind, enum stanza_type type)
{
    struct arena *arena = arena_new();
    struct element *root = element_new(arena, NS_CLIENT, kinds[kind].name);
    struct stanza *stanza = make(arena, root, kind);

    stanza->type = type;
    element_set(root, "type", stanza_type_name(type));
    return stanza;
}

struct stanza *stanza_ref(struct stanza *stanza)
{
    stanza->references++;
    return stanza;
}

void stanza_unref(struct stanza *stanza)
{
    if (stanza && --stanza->references == 0) {
        arena_free(stanza->arena);
    }
}

struct stanza *stanza_copy(const struct stanza *stanza)
{
    struct arena *arena = arena_new();
    struct stanza *copy = make(arena, element_copy(arena, stanza->root), stanza->kind);

    copy->type = stanza->type;
    copy->has_from = stanza->has_from;
    copy->has_to = stanza->has_to;
    if (stanza->has_from) {
        copy->from = jid_copy(arena, &stanza->from);
    }
    if (stanza->has_to) {
        copy->to = jid_copy(arena, &stanza->to);
    }
    return copy;
}

struct stanza *stanza_copy_to(struct stanza *original, const struct jid *to)
{
    struct arena *arena = arena_new();
    struct stanza *copy = make(arena, element_copy_sharing(arena, original->root), original->kind);

    copy->type = original->type;
    copy->has_from = original->has_from;
    copy->from = original->from;
    copy->original = original;
    stanza_set_to(copy, to);
    return copy;
}

static void set_address(struct stanza *stanza, const char *name, const struct jid *jid,
                        struct jid *address, bool *has)
{
    element_set(stanza->root, name, jid ? jid->full : NULL);
    /* By value first: `jid` may be the very address that is set. */
    *address = jid ? jid_copy(stanza->arena, jid) : (struct jid){0};
    *has = jid != NULL;
}

void stanza_set_from(struct stanza *stanza, const struct jid *jid)
{
    set_address(stanza, "from", jid, &stanza->from, &stanza->has_from);
}

void stanza_set_to(struct stanza *stanza, const struct jid *jid)
{
    set_address(stanza, "to", jid, &stanza->to, &stanza->has_to);
}

const char *stanza_id(const struct stanza *stanza)
{
    return element_get(stanza->root, "id");
}

bool stanza_is_error(const struct stanza *stanza)
{
    return stanza->type == MESSAGE_ERROR || stanza->type == PRESENCE_ERROR ||
           stanza->type == IQ_ERROR;
}

bool stanza_is_reply(const struct stanza *stanza)
{
    return stanza->type == IQ_RESULT || stanza_is_error(stanza);
}

struct element *stanza_payload(const struct stanza *stanza)
{
    if (stanza->kind != STANZA_IQ || stanza->type == IQ_ERROR) {
        return NULL;
    }
    return element_first(stanza->root);
}

/* Written by the first copy, for all of them. */
static void append_inside(struct buffer *out, struct stanza *original)
{
    if (!original->inside) {
        size_t start = out->length;
        element_write_inside(out, original->root, NS_CLIENT);
        original->inside_length = out->length - start;
        original->inside =
            arena_strndup(original->arena, out->data + start, original->inside_length);
        return;
    }
    buffer_append(out, original->inside, original->inside_length);
}

static bool is_like_original(const struct stanza *stanza)
{
    return stanza->original && element_shares_inside(stanza->root, stanza->original->root);
}

void stanza_write(struct buffer *out, const struct stanza *stanza, const char *content_ns)
{
    buffer_reserve(out, STANZA_USUAL_SIZE);
    if (strcmp(content_ns, NS_CLIENT) != 0 || !is_like_original(stanza)) {
        element_write_as(out, stanza->root, NS_CLIENT, content_ns);
        return;
    }
    element_write_start(out, stanza->root, NS_CLIENT);
    append_inside(out, stanza->original);
}

const char *stanza_kind_name(enum stanza_kind kind)
{
    return kinds[kind].name;
}

const char *stanza_type_name(enum stanza_type type)
{
    for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        for (size_t i = 0; i < kinds[kind].count; i++) {
            if (kinds[kind].types[i].type == type) {
                return kinds[kind].types[i].name;
            }
        }
    }
    return NULL;
}
