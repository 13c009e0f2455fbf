/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tables of publish-subscribe (docs/SCHEMA.md): what is written of nodes, their people and
 * their items, each call some statements of a unit that the caller submits.
 */
#pragma once

#include "c2s/pubsub/node.h"

/* Nodes, affiliations and subscriptions of an account, with its owner as $1. */
extern const struct db_statement store_load_nodes;
struct pubsub *store_loaded(struct account *account, const struct db_result *rows);

void store_node(struct sm_unit *unit, int64_t owner, const struct pubsub_node *node);
/* With all that it has. */
void store_erase_node(struct sm_unit *unit, int64_t owner, int64_t node);
/* NONE erases. */
void store_affiliation(struct sm_unit *unit, int64_t owner, int64_t node, const struct jid *jid,
                       enum pubsub_affiliation affiliation);
void store_subscription(struct sm_unit *unit, int64_t owner, int64_t node, const struct jid *jid,
                        enum pubsub_state state, bool deliver);

struct store_item {
    int64_t node, seq;
    const char *id;
    const char *publisher; /* full JID */
    const char *xml;       /* of the payload; "": none */
};
/* In place of the one with the same id. `rejects_above` >= 0: a new one is not added to a node that
 * has so many; then no row is affected. */
void store_item(struct sm_unit *unit, int64_t owner, const struct store_item *item,
                int64_t rejects_above);
/* All but the latest `keep`, and those that are older than `expire_s` seconds (0: none is): two
 * statements. */
void store_trim(struct sm_unit *unit, int64_t owner, int64_t node, int64_t keep, int64_t expire_s);
/* Affects one row, or none if there is no such item, or another's is not to be erased: `publisher`
 * is the bare JID whose it has to be; NULL: anybody's. */
void store_erase_item(struct sm_unit *unit, int64_t owner, int64_t node, const char *id,
                      const char *publisher);
void store_erase_items(struct sm_unit *unit, int64_t owner, int64_t node);
/* A row (last seq, items, bytes) for node_count_items(). */
void store_count(struct sm_unit *unit, int64_t owner, int64_t node);
