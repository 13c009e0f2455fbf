/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The nodes of one publish-subscribe service: of an account (XEP-0163), or of a service of its own,
 * which is an account whose address has no local part. Configuration, affiliations and
 * subscriptions are in memory while the account is; items are in the database only.
 *
 * Every change is first written, then seen: the account is held between (c2s/sm/account.h). So a
 * pointer to a node is good within one call; behind a write it is looked up again.
 */
#pragma once

#include "c2s/pubsub/options.h"
#include "c2s/sm/sm.h"

/* Bytes of the name of a node, and of the id of an item. */
#define PUBSUB_NAME_MAX 1023

/* Whoever has a higher one may do more. */
enum pubsub_affiliation {
    AFFILIATION_OUTCAST,
    AFFILIATION_NONE,
    AFFILIATION_MEMBER,
    AFFILIATION_PUBLISH_ONLY,
    AFFILIATION_PUBLISHER,
    AFFILIATION_OWNER,
    AFFILIATIONS
};

enum pubsub_state { SUBSCRIPTION_IS_NONE, SUBSCRIPTION_IS_PENDING, SUBSCRIPTION_IS_SUBSCRIBED };

struct pubsub_affiliate {
    struct jid *jid; /* bare */
    enum pubsub_affiliation affiliation;
    UT_hash_handle hh; /* node->affiliates, by jid->bare */
};

struct pubsub_subscriber {
    struct jid *jid; /* bare or full, as subscribed */
    enum pubsub_state state;
    bool deliver;      /* pubsub#deliver */
    UT_hash_handle hh; /* node->subscribers, by jid->full */
};

struct pubsub_node {
    int64_t id;
    char *name;
    struct pubsub_options options;
    char *creator;      /* bare JID */
    int64_t created_us; /* wall time */
    struct pubsub_affiliate *affiliates;
    struct pubsub_subscriber *subscribers;
    int64_t last_seq; /* of the last published item; 0: there is none */
    int64_t items, bytes;
    UT_hash_handle hh; /* pubsub->nodes, by name */
};

struct pubsub {
    struct pubsub_node *nodes;
    int64_t bytes; /* of all items */
};

/* Whether it is a service of its own, and no account of somebody. */
static inline enum pubsub_kind pubsub_kind(const struct account *account)
{
    return account->jid->local ? PUBSUB_ACCOUNT : PUBSUB_SERVICE;
}

/* NULL if there is none. */
struct pubsub_node *node_find(const struct account *account, const char *name);
#define PUBSUB_NODES(node, account)                                                                \
    for (struct pubsub_node *node = (account)->pubsub ? (account)->pubsub->nodes : NULL; node;     \
         node = node->hh.next)
size_t node_count(const struct account *account);

/* Of nobody yet. */
struct pubsub_node *node_new(int64_t id, const char *name, enum pubsub_kind kind);
void node_free(struct pubsub_node *node);
/* Consumes the node. */
void node_insert_take(struct account *account, struct pubsub_node *node);
void node_remove(struct account *account, struct pubsub_node *node);
/* What the database says of its items now. */
void node_count_items(struct account *account, struct pubsub_node *node, int64_t last_seq,
                      int64_t items, int64_t bytes);

/* An account owns all of its nodes. */
enum pubsub_affiliation node_affiliation(const struct account *account,
                                         const struct pubsub_node *node, const struct jid *jid);
/* NONE removes. */
void node_affiliate(struct pubsub_node *node, const struct jid *jid,
                    enum pubsub_affiliation affiliation);
size_t node_owners(const struct pubsub_node *node);
struct pubsub_subscriber *node_subscriber(const struct pubsub_node *node, const char *jid);
/* Whether this address, or another of the same bare JID, is subscribed. */
bool node_has_subscriber(const struct pubsub_node *node, const struct jid *jid);
/* NONE removes. */
void node_subscribe(struct pubsub_node *node, const struct jid *jid, enum pubsub_state state,
                    bool deliver);

const char *affiliation_name(enum pubsub_affiliation affiliation);
/* ERR_INVALID */
MUST_CHECK int affiliation_parse(const char *name, enum pubsub_affiliation *affiliation);
const char *state_name(enum pubsub_state state);
MUST_CHECK int state_parse(const char *name, enum pubsub_state *state);

void pubsub_free(struct pubsub *pubsub);
