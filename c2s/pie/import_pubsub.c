/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Nodes: their items may come before what is said of them.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/pie/read.h"
#include "c2s/pubsub/defaults.h"
#include "c2s/pubsub/namespaces.h"
#include "c2s/pubsub/node.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/form.h"
#include "common/xmpp/namespaces.h"

static const struct db_statement add_node = {
    .name = "pie_add_node",
    .sql = "INSERT INTO pubsub_node (owner, node_id, name, config, creator, created)"
           " VALUES ($1::bigint, $2::bigint, $3, $4, $5, $6::timestamptz)",
    .parameters = 6,
};

static const struct db_statement add_affiliation = {
    .name = "pie_add_affiliation",
    .sql = "INSERT INTO pubsub_affiliation (owner, node_id, jid_hash, jid, affiliation)"
           " VALUES ($1::bigint, $2::bigint, $3::bytea, $4, $5) ON CONFLICT DO NOTHING",
    .parameters = 5,
};

static const struct db_statement add_subscription = {
    .name = "pie_add_subscription",
    .sql = "INSERT INTO pubsub_subscription (owner, node_id, jid_hash, jid, state, deliver)"
           " VALUES ($1::bigint, $2::bigint, $3::bytea, $4, $5, true) ON CONFLICT DO NOTHING",
    .parameters = 5,
};

static const struct db_statement add_item = {
    .name = "pie_add_item",
    .sql = "INSERT INTO pubsub_item (owner, node_id, item, seq, publisher, published, size, xml)"
           " VALUES ($1::bigint, $2::bigint, $3, $4::bigint, $5, $6::timestamptz, $7::bigint, $8)"
           " ON CONFLICT (owner, node_id, item) DO UPDATE SET seq = EXCLUDED.seq,"
           " publisher = EXCLUDED.publisher, size = EXCLUDED.size, xml = EXCLUDED.xml",
    .parameters = 8,
};

/* Values that we do not have, or of options we do not know, are left out (§4.10.1). */
static void apply_form(struct pubsub_options *options, const struct element *configure)
{
    static const struct pubsub_option_limits limits = {INT64_MAX, INT64_MAX};
    const struct element *form = element_find(configure, NS_DATA_FORM, "x");

    if (!form)
        return;
    FORM_FIELDS(field, form)
    {
        const char *var = element_get(field, "var"), *values = form_values(field);
        bool same = false;

        if (options_compare(options, var, values, &limits, &same) == 0 && !same)
            (void)!options_set(options, var, values ? values : "", &limits);
    }
}

/* What stands in the file on top of what the node is like by itself; only that is kept which is
 * not so by default. */
static char *config_of(const char *name, const struct element *configure)
{
    static const struct pubsub_option_limits limits = {INT64_MAX, INT64_MAX};
    struct pubsub_options options;
    struct buffer out = {0};

    options_init(&options, PUBSUB_ACCOUNT);
    for (const struct pubsub_setting *one = defaults_of(name); one && one->var; one++)
        (void)!options_set(&options, one->var, one->value, &limits);
    if (configure)
        apply_form(&options, configure);
    options_format(&options, &out);
    options_fini(&options);
    return out.length > 0 ? buffer_take(&out) : xstrdup("");
}

static const char *now(struct pie_import *import)
{
    char *text = arena_alloc(import->arena, DATETIME_SIZE);

    datetime_format(clock_wall_us(), text);
    return text;
}

/* --- people --- */

static void take_people(struct pie_import *import, int64_t node, const struct element *people)
{
    ELEMENT_FOREACH (one, people) {
        const char *text = element_get(one, "jid"), *value = element_get(one, one->name);
        uint8_t hash[CRYPTO_HASH_MAX];
        enum pubsub_affiliation affiliation;
        enum pubsub_state state;
        struct jid jid;

        if (!text || !value || jid_parse(import->arena, text, &jid) < 0)
            continue;
        if (strcmp(one->name, "affiliation") == 0 && affiliation_parse(value, &affiliation) == 0) {
            pie_hash(jid.bare, hash);
            if (affiliation != AFFILIATION_NONE && !jid_bare_equal(&jid, import->account))
                PIE_RUN(import, &add_affiliation, DB_INT(import->owner), DB_INT(node),
                        PIE_HASH(hash), DB_TEXT(jid.bare), DB_TEXT(value));
        } else if (strcmp(one->name, "subscription") == 0 && state_parse(value, &state) == 0) {
            pie_hash(jid.full, hash);
            if (state != SUBSCRIPTION_IS_NONE)
                PIE_RUN(import, &add_subscription, DB_INT(import->owner), DB_INT(node),
                        PIE_HASH(hash), DB_TEXT(jid.full), DB_TEXT(value));
        }
    }
}

/* --- items --- */

static void take_item(struct pie_import *import, int64_t node, const struct element *item)
{
    const struct element *first = element_first(item);
    /* Prosody 0.12 writes the element twice. */
    const struct element *payload =
        first && element_is(first, NS_PUBSUB, "item") ? element_first(first) : first;
    const char *id = element_get(item, "id"), *publisher = element_get(item, "publisher");
    struct buffer xml = {0};
    char *number;

    if (payload)
        element_write(&xml, payload, NS_CLIENT);
    number = xasprintf("%lld", (long long)++import->seq);
    PIE_RUN(import, &add_item, DB_INT(import->owner), DB_INT(node), DB_TEXT(id ? id : number),
            DB_INT(import->seq), DB_TEXT(publisher ? publisher : import->account->bare),
            DB_TEXT(now(import)), DB_INT((int64_t)(xml.length + strlen(id ? id : number))),
            DB_TEXT(xml.length > 0 ? xml.data : ""));
    free(number);
    buffer_fini(&xml);
}

/* --- nodes --- */

/* The child of a <pubsub/> in that namespace that is about this node. */
static const struct element *find(const struct element *user, const char *ns, const char *name,
                                  const char *node)
{
    ELEMENT_FOREACH (pubsub, user) {
        if (!element_is(pubsub, ns, "pubsub"))
            continue;
        ELEMENT_FOREACH (child, pubsub) {
            const char *about = element_get(child, "node");

            if (strcmp(child->name, name) == 0 && about && strcmp(about, node) == 0)
                return child;
        }
    }
    return NULL;
}

static void take_node(struct pie_import *import, const struct element *user, const char *name)
{
    static const char *const lists[] = {"affiliations", "subscriptions"};
    const struct element *items = find(user, NS_PUBSUB, "items", name);
    char *config = config_of(name, find(user, NS_PUBSUB_OWNER, "configure", name));
    int64_t node = ++import->seq;

    PIE_RUN(import, &add_node, DB_INT(import->owner), DB_INT(node), DB_TEXT(name), DB_TEXT(config),
            DB_TEXT(import->account->bare), DB_TEXT(now(import)));
    free(config);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const struct element *people = find(user, NS_PUBSUB_OWNER, lists[i], name);
        if (people)
            take_people(import, node, people);
    }
    if (!items)
        return;
    ELEMENT_FOREACH (item, items) {
        if (strcmp(item->name, "item") == 0)
            take_item(import, node, item);
    }
}

/* Nodes are what is configured, and what has items without that. */
static void take_nodes(struct pie_import *import, const struct element *user, const char *ns,
                       const char *what)
{
    ELEMENT_FOREACH (pubsub, user) {
        if (!element_is(pubsub, ns, "pubsub"))
            continue;
        ELEMENT_FOREACH (child, pubsub) {
            const char *name = element_get(child, "node");

            if (!name || strcmp(child->name, what) != 0 || find(user, ns, what, name) != child)
                continue;
            if (strcmp(what, "configure") == 0 || !find(user, NS_PUBSUB_OWNER, "configure", name))
                take_node(import, user, name);
        }
    }
}

void pie_read_pubsub(struct pie_import *import, const struct element *user)
{
    take_nodes(import, user, NS_PUBSUB_OWNER, "configure");
    take_nodes(import, user, NS_PUBSUB, "items");
}
