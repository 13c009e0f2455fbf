/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Nodes in memory.
 */
#include "c2s/pubsub/node.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

static const char *const affiliation_names[AFFILIATIONS] = {
    [AFFILIATION_OUTCAST] = "outcast",     [AFFILIATION_NONE] = "none",
    [AFFILIATION_MEMBER] = "member",       [AFFILIATION_PUBLISH_ONLY] = "publish-only",
    [AFFILIATION_PUBLISHER] = "publisher", [AFFILIATION_OWNER] = "owner",
};

static const char *const state_names[] = {
    [SUBSCRIPTION_IS_NONE] = "none",
    [SUBSCRIPTION_IS_PENDING] = "pending",
    [SUBSCRIPTION_IS_SUBSCRIBED] = "subscribed",
};

const char *affiliation_name(enum pubsub_affiliation affiliation)
{
    return affiliation_names[affiliation];
}

int affiliation_parse(const char *name, enum pubsub_affiliation *affiliation)
{
    for (size_t i = 0; i < ARRAY_SIZE(affiliation_names); i++) {
        if (strcmp(affiliation_names[i], name) == 0) {
            *affiliation = (enum pubsub_affiliation)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *state_name(enum pubsub_state state)
{
    return state_names[state];
}

int state_parse(const char *name, enum pubsub_state *state)
{
    for (size_t i = 0; i < ARRAY_SIZE(state_names); i++) {
        if (strcmp(state_names[i], name) == 0) {
            *state = (enum pubsub_state)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

struct pubsub_node *node_find(const struct account *account, const char *name)
{
    struct pubsub_node *node = NULL;

    if (account->pubsub)
        HASH_FIND_STR(account->pubsub->nodes, name, node);
    return node;
}

size_t node_count(const struct account *account)
{
    return account->pubsub ? HASH_COUNT(account->pubsub->nodes) : 0;
}

struct pubsub_node *node_new(int64_t id, const char *name, enum pubsub_kind kind)
{
    struct pubsub_node *node = xcalloc(1, sizeof(*node));

    node->id = id;
    node->name = xstrdup(name);
    options_init(&node->options, kind);
    return node;
}

static void remove_affiliate(struct pubsub_node *node, struct pubsub_affiliate *affiliate)
{
    HASH_DEL(node->affiliates, affiliate);
    free(affiliate->jid);
    free(affiliate);
}

static void remove_subscriber(struct pubsub_node *node, struct pubsub_subscriber *subscriber)
{
    HASH_DEL(node->subscribers, subscriber);
    free(subscriber->jid);
    free(subscriber);
}

void node_free(struct pubsub_node *node)
{
    while (node->affiliates)
        remove_affiliate(node, node->affiliates);
    while (node->subscribers)
        remove_subscriber(node, node->subscribers);
    options_fini(&node->options);
    free(node->creator);
    free(node->name);
    free(node);
}

void node_insert_take(struct account *account, struct pubsub_node *node)
{
    struct pubsub *pubsub = account->pubsub;

    HASH_ADD_KEYPTR(hh, pubsub->nodes, node->name, strlen(node->name), node);
    pubsub->bytes += node->bytes;
}

void node_remove(struct account *account, struct pubsub_node *node)
{
    account->pubsub->bytes -= node->bytes;
    HASH_DEL(account->pubsub->nodes, node);
    node_free(node);
}

void node_count_items(struct account *account, struct pubsub_node *node, int64_t last_seq,
                      int64_t items, int64_t bytes)
{
    account->pubsub->bytes += bytes - node->bytes;
    node->last_seq = last_seq;
    node->items = items;
    node->bytes = bytes;
}

enum pubsub_affiliation node_affiliation(const struct account *account,
                                         const struct pubsub_node *node, const struct jid *jid)
{
    struct pubsub_affiliate *affiliate;

    if (jid_bare_equal(account->jid, jid))
        return AFFILIATION_OWNER;
    HASH_FIND_STR(node->affiliates, jid->bare, affiliate);
    return affiliate ? affiliate->affiliation : AFFILIATION_NONE;
}

void node_affiliate(struct pubsub_node *node, const struct jid *jid,
                    enum pubsub_affiliation affiliation)
{
    struct pubsub_affiliate *affiliate;

    HASH_FIND_STR(node->affiliates, jid->bare, affiliate);
    if (affiliation == AFFILIATION_NONE) {
        if (affiliate)
            remove_affiliate(node, affiliate);
        return;
    }
    if (!affiliate) {
        affiliate = xcalloc(1, sizeof(*affiliate));
        affiliate->jid = jid_dup_with_resource(jid, NULL);
        HASH_ADD_KEYPTR(hh, node->affiliates, affiliate->jid->bare, strlen(affiliate->jid->bare),
                        affiliate);
    }
    affiliate->affiliation = affiliation;
}

size_t node_owners(const struct pubsub_node *node)
{
    size_t owners = 0;

    for (const struct pubsub_affiliate *one = node->affiliates; one; one = one->hh.next)
        owners += one->affiliation == AFFILIATION_OWNER;
    return owners;
}

struct pubsub_subscriber *node_subscriber(const struct pubsub_node *node, const char *jid)
{
    struct pubsub_subscriber *subscriber;

    HASH_FIND_STR(node->subscribers, jid, subscriber);
    return subscriber;
}

bool node_has_subscriber(const struct pubsub_node *node, const struct jid *jid)
{
    const struct pubsub_subscriber *one = node_subscriber(node, jid->full);

    if (one && one->state == SUBSCRIPTION_IS_SUBSCRIBED)
        return true;
    one = node_subscriber(node, jid->bare);
    if (one && one->state == SUBSCRIPTION_IS_SUBSCRIBED)
        return true;
    for (one = node->subscribers; one; one = one->hh.next) {
        if (one->jid->resource && one->state == SUBSCRIPTION_IS_SUBSCRIBED &&
            jid_bare_equal(one->jid, jid))
            return true;
    }
    return false;
}

void node_subscribe(struct pubsub_node *node, const struct jid *jid, enum pubsub_state state,
                    bool deliver)
{
    struct pubsub_subscriber *subscriber = node_subscriber(node, jid->full);

    if (state == SUBSCRIPTION_IS_NONE) {
        if (subscriber)
            remove_subscriber(node, subscriber);
        return;
    }
    if (!subscriber) {
        subscriber = xcalloc(1, sizeof(*subscriber));
        subscriber->jid = jid_dup(jid);
        HASH_ADD_KEYPTR(hh, node->subscribers, subscriber->jid->full, strlen(subscriber->jid->full),
                        subscriber);
    }
    subscriber->state = state;
    subscriber->deliver = deliver;
}

void pubsub_free(struct pubsub *pubsub)
{
    struct pubsub_node *node, *next;

    HASH_ITER (hh, pubsub->nodes, node, next) {
        HASH_DEL(pubsub->nodes, node);
        node_free(node);
    }
    free(pubsub);
}
