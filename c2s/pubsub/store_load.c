/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading the nodes of an account with their people, in one statement: a row is a node, an
 * affiliation or a subscription, nodes first.
 */
#include <string.h>

#include "c2s/pubsub/store.h"

enum { KIND, NODE_ID, FIRST, SECOND, THIRD, CREATED, LAST_SEQ, ITEMS, BYTES };
enum { ROW_NODE, ROW_AFFILIATION, ROW_SUBSCRIPTION };

const struct db_statement store_load_nodes = {
    .name = "pubsub_load",
    .sql = "SELECT 0 AS kind, n.node_id, n.name, n.config, n.creator,"
           " (extract(epoch FROM n.created) * 1000000)::bigint,"
           " coalesce(i.last, 0), coalesce(i.items, 0), coalesce(i.bytes, 0)"
           " FROM pubsub_node n LEFT JOIN (SELECT node_id, max(seq) AS last, count(*) AS items,"
           " sum(size)::bigint AS bytes FROM pubsub_item WHERE owner = $1::bigint"
           " GROUP BY node_id) i ON i.node_id = n.node_id WHERE n.owner = $1::bigint"
           " UNION ALL SELECT 1, node_id, jid, affiliation, '', 0, 0, 0, 0"
           " FROM pubsub_affiliation WHERE owner = $1::bigint"
           " UNION ALL SELECT 2, node_id, jid, state, CASE WHEN deliver THEN '1' ELSE '0' END,"
           " 0, 0, 0, 0 FROM pubsub_subscription WHERE owner = $1::bigint"
           " ORDER BY kind, node_id",
    .parameters = 1,
};

static void load_node(struct account *account, const struct db_result *rows, size_t row)
{
    struct pubsub_node *node = node_new(db_get_int(rows, row, NODE_ID),
                                        db_get_text(rows, row, FIRST), pubsub_kind(account));

    options_parse(&node->options, db_get_text(rows, row, SECOND));
    node->creator = xstrdup(db_get_text(rows, row, THIRD));
    node->created_us = db_get_int(rows, row, CREATED);
    node->last_seq = db_get_int(rows, row, LAST_SEQ);
    node->items = db_get_int(rows, row, ITEMS);
    node->bytes = db_get_int(rows, row, BYTES);
    node_insert_take(account, node);
}

static void load_person(struct pubsub_node *node, const struct db_result *rows, size_t row)
{
    struct arena *arena = arena_new();
    const char *value = db_get_text(rows, row, SECOND);
    enum pubsub_affiliation affiliation;
    enum pubsub_state state;
    struct jid jid;

    if (jid_parse(arena, db_get_text(rows, row, FIRST), &jid) == 0) {
        if (db_get_int(rows, row, KIND) == ROW_AFFILIATION &&
            affiliation_parse(value, &affiliation) == 0)
            node_affiliate(node, &jid, affiliation);
        else if (db_get_int(rows, row, KIND) == ROW_SUBSCRIPTION && state_parse(value, &state) == 0)
            node_subscribe(node, &jid, state, strcmp(db_get_text(rows, row, THIRD), "1") == 0);
    }
    arena_free(arena);
}

/* People come in the order of nodes, so each node is looked for once. */
static struct pubsub_node *find_id(const struct account *account, struct pubsub_node *last,
                                   int64_t id)
{
    if (last && last->id == id)
        return last;
    PUBSUB_NODES(node, account)
    {
        if (node->id == id)
            return node;
    }
    return NULL;
}

struct pubsub *store_loaded(struct account *account, const struct db_result *rows)
{
    struct pubsub_node *node = NULL;

    account->pubsub = xcalloc(1, sizeof(*account->pubsub));
    for (size_t row = 0; row < db_rows(rows); row++) {
        if (db_get_int(rows, row, KIND) == ROW_NODE) {
            load_node(account, rows, row);
            continue;
        }
        node = find_id(account, node, db_get_int(rows, row, NODE_ID));
        if (node)
            load_person(node, rows, row);
    }
    return account->pubsub;
}
