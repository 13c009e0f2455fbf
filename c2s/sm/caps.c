/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Entity Capabilities (XEP-0115): the server announces its own in the stream features. What clients
 * announce passes untouched in their presence; what they mean is known
 * to c2s/pubsub/features.h alone.
 */
#include "c2s/sm/caps.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/disco.h"
#include "common/base/encode.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"

#define NS_CAPS   "http://jabber.org/protocol/caps"
#define NS_DATA   "jabber:x:data"
#define CAPS_NODE "https://kontalk.org/server"

/* Strings collected to be sorted by their bytes ("i;octet") and joined. */
struct strings {
    char **items;
    size_t count;
};

static void add(struct strings *strings, char *item)
{
    strings->items = xrealloc(strings->items, (strings->count + 1) * sizeof(char *));
    strings->items[strings->count++] = item;
}

/* Names are what is sorted (§5.1), and '<' is not part of them: it ends each. */
static unsigned order_of(char byte)
{
    return byte == '<' ? 0 : (unsigned char)byte;
}

static int compare(const void *a, const void *b)
{
    const char *one = *(char *const *)a, *other = *(char *const *)b;

    for (; *one && *one == *other; one++, other++)
        ;
    return (int)order_of(*one) - (int)order_of(*other);
}

/* Appends each item with '<' behind it, and frees them. */
static void join(struct strings *strings, struct buffer *out)
{
    if (strings->count > 0)
        qsort(strings->items, strings->count, sizeof(char *), compare);
    for (size_t i = 0; i < strings->count; i++) {
        buffer_append_text(out, strings->items[i]);
        free(strings->items[i]);
    }
    free(strings->items);
    *strings = (struct strings){0};
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void join_identities(const struct element *query, struct buffer *out)
{
    struct strings identities = {0};

    ELEMENT_FOREACH (child, query) {
        if (element_is(child, NS_DISCO_INFO, "identity"))
            add(&identities, xasprintf("%s/%s/%s/%s<", or_empty(element_get(child, "category")),
                                       or_empty(element_get(child, "type")),
                                       or_empty(element_get_ns(child, NS_XML, "lang")),
                                       or_empty(element_get(child, "name"))));
    }
    join(&identities, out);
}

static void join_features(const struct element *query, struct buffer *out)
{
    struct strings features = {0};

    ELEMENT_FOREACH (child, query) {
        if (element_is(child, NS_DISCO_INFO, "feature"))
            add(&features, xasprintf("%s<", or_empty(element_get(child, "var"))));
    }
    join(&features, out);
}

static void join_values(const struct element *field, struct buffer *out)
{
    struct strings values = {0};

    ELEMENT_FOREACH (child, field) {
        if (element_is(child, NS_DATA, "value"))
            add(&values, xasprintf("%s<", element_text(child)));
    }
    join(&values, out);
}

static bool is_form_type(const struct element *field)
{
    return strcmp(or_empty(element_get(field, "var")), "FORM_TYPE") == 0;
}

/* "FORM_TYPE value<var<value<value<var<…", the type in front of the sorted fields. */
static char *form_string(const struct element *form)
{
    struct strings fields = {0};
    struct buffer out = {0};

    ELEMENT_FOREACH (field, form) {
        struct buffer text = {0};
        if (!element_is(field, NS_DATA, "field"))
            continue;
        if (is_form_type(field)) {
            join_values(field, &out);
            continue;
        }
        buffer_printf(&text, "%s<", or_empty(element_get(field, "var")));
        join_values(field, &text);
        add(&fields, buffer_take(&text));
    }
    join(&fields, &out);
    return buffer_take(&out);
}

static void join_forms(const struct element *query, struct buffer *out)
{
    struct strings forms = {0};

    ELEMENT_FOREACH (child, query) {
        if (element_is(child, NS_DATA, "x"))
            add(&forms, form_string(child));
    }
    join(&forms, out);
}

char *caps_hash_with(const struct element *query, enum crypto_hash algorithm)
{
    struct buffer text = {0}, encoded = {0};
    uint8_t digest[CRYPTO_HASH_MAX];

    join_identities(query, &text);
    join_features(query, &text);
    join_forms(query, &text);
    crypto_digest(algorithm, text.data, text.length, digest);
    base64_encode(&encoded, digest, crypto_hash_size(algorithm));
    buffer_fini(&text);
    return buffer_take(&encoded);
}

char *caps_hash(const struct element *query)
{
    return caps_hash_with(query, CRYPTO_SHA1);
}

static char *server_hash(struct sm *sm)
{
    struct arena *arena = arena_new();
    struct element *query = element_new(arena, NS_DISCO_INFO, "query");

    disco_server_info(sm, query);
    char *hash = caps_hash(query);
    arena_free(arena);
    return hash;
}

bool caps_is_server_node(struct sm *sm, const char *node)
{
    char *hash = server_hash(sm);
    char *expected = xasprintf("%s#%s", CAPS_NODE, hash);
    bool is = strcmp(node, expected) == 0;

    free(expected);
    free(hash);
    return is;
}

static void stream_features(struct sm *sm, struct element *features)
{
    struct element *c = element_add(features, NS_CAPS, "c");
    char *hash = server_hash(sm);

    element_set(c, "hash", "sha-1");
    element_set(c, "node", CAPS_NODE);
    element_set(c, "ver", hash);
    free(hash);
}

static const char *const features[] = {NS_CAPS, NULL};
static const struct spec specs[] = {{"XEP-0115", "1.6.0", "no caps optimization"}, {0}};

const struct sm_module caps_module = {
    .name = "caps",
    .specs = specs,
    .server_features = features,
    .stream_features = stream_features,
};
