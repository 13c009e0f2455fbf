/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading items for other features (pubsub.h).
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/access.h"
#include "c2s/pubsub/node.h"
#include "c2s/pubsub/pubsub.h"

static const struct db_statement read_item = {
    .name = "pubsub_read_item",
    .sql = "SELECT item, xml FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint"
           " AND ($3::text IS NULL OR item = $3) ORDER BY seq DESC LIMIT 1",
    .parameters = 3,
};

static const struct db_statement read_items = {
    .name = "pubsub_read_items",
    .sql = "SELECT item, xml FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint"
           " ORDER BY seq",
    .parameters = 2,
};

struct reading {
    char *node;
    bool all;
    pubsub_got *got;
    void *user;
};

static void give(struct account *account, const struct reading *reading,
                 const struct db_result *rows, size_t row)
{
    const char *xml = db_get_text(rows, row, 1);
    struct element *payload = *xml ? sm_parse(account->sm, xml) : NULL;
    const struct pubsub_item item = {
        .node = reading->node, .id = db_get_text(rows, row, 0), .payload = payload};

    reading->got(account, 0, &item, reading->user);
    if (payload)
        arena_free(payload->arena);
}

static void on_read(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct reading *reading = user;
    size_t rows = status == 0 ? db_rows(&results[0]) : 0;

    for (size_t row = 0; row < rows; row++)
        give(account, reading, &results[0], row);
    if (reading->all || rows == 0)
        reading->got(account, status, NULL, reading->user);
    free(reading->node);
    free(reading);
}

/* A node that is not there has the id 0, which no node has. */
static int64_t id_of(const struct account *account, const char *node)
{
    const struct pubsub_node *found = node_find(account, node);

    return found ? found->id : 0;
}

static struct reading *reading_new(const char *node, bool all, pubsub_got *got, void *user)
{
    struct reading *reading = xcalloc(1, sizeof(*reading));

    *reading = (struct reading){.node = xstrdup(node), .all = all, .got = got, .user = user};
    return reading;
}

void pubsub_read(struct account *account, const char *node, const char *id, pubsub_got *got,
                 void *user)
{
    sm_query(account, SM_READ, &read_item,
             (const struct db_value[]){DB_INT(account->owner), DB_INT(id_of(account, node)),
                                       DB_TEXT(id)},
             on_read, reading_new(node, false, got, user));
}

void pubsub_read_all(struct account *account, const char *node, pubsub_got *got, void *user)
{
    sm_query(account, SM_READ, &read_items,
             (const struct db_value[]){DB_INT(account->owner), DB_INT(id_of(account, node))},
             on_read, reading_new(node, true, got, user));
}

bool pubsub_has_node(const struct account *account, const char *node)
{
    return node_find(account, node) != NULL;
}

bool pubsub_may_read(const struct account *account, const char *node, const struct jid *who)
{
    const struct pubsub_node *found = node_find(account, node);

    return found && access_to_read(account, found, who).condition < 0;
}
