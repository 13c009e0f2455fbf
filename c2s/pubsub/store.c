/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing what publish-subscribe keeps.
 */
#include "c2s/pubsub/store.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

static const struct db_statement write_node = {
    .name = "pubsub_node_write",
    .sql = "INSERT INTO pubsub_node (owner, node_id, name, config, creator, created)"
           " VALUES ($1::bigint, $2::bigint, $3, $4, $5, $6::timestamptz)"
           " ON CONFLICT (owner, node_id) DO UPDATE SET config = EXCLUDED.config",
    .parameters = 6,
};

static const struct db_statement erase_node[] = {
    {.name = "pubsub_node_erase",
     .sql = "DELETE FROM pubsub_node WHERE owner = $1::bigint AND node_id = $2::bigint",
     .parameters = 2},
    {.name = "pubsub_node_erase_affiliations",
     .sql = "DELETE FROM pubsub_affiliation WHERE owner = $1::bigint AND node_id = $2::bigint",
     .parameters = 2},
    {.name = "pubsub_node_erase_subscriptions",
     .sql = "DELETE FROM pubsub_subscription WHERE owner = $1::bigint AND node_id = $2::bigint",
     .parameters = 2},
};

static const struct db_statement write_affiliation = {
    .name = "pubsub_affiliation_write",
    .sql = "INSERT INTO pubsub_affiliation (owner, node_id, jid_hash, jid, affiliation)"
           " VALUES ($1::bigint, $2::bigint, $3::bytea, $4, $5)"
           " ON CONFLICT (owner, node_id, jid_hash)"
           " DO UPDATE SET affiliation = EXCLUDED.affiliation",
    .parameters = 5,
};

static const struct db_statement erase_affiliation = {
    .name = "pubsub_affiliation_erase",
    .sql = "DELETE FROM pubsub_affiliation"
           " WHERE owner = $1::bigint AND node_id = $2::bigint AND jid_hash = $3::bytea",
    .parameters = 3,
};

static const struct db_statement write_subscription = {
    .name = "pubsub_subscription_write",
    .sql = "INSERT INTO pubsub_subscription (owner, node_id, jid_hash, jid, state, deliver)"
           " VALUES ($1::bigint, $2::bigint, $3::bytea, $4, $5, $6::boolean)"
           " ON CONFLICT (owner, node_id, jid_hash)"
           " DO UPDATE SET state = EXCLUDED.state, deliver = EXCLUDED.deliver",
    .parameters = 6,
};

static const struct db_statement erase_subscription = {
    .name = "pubsub_subscription_erase",
    .sql = "DELETE FROM pubsub_subscription"
           " WHERE owner = $1::bigint AND node_id = $2::bigint AND jid_hash = $3::bytea",
    .parameters = 3,
};

static const struct db_statement write_item = {
    .name = "pubsub_item_write",
    .sql = "INSERT INTO pubsub_item (owner, node_id, item, seq, publisher, published, size, xml)"
           " SELECT $1::bigint, $2::bigint, $3, $4::bigint, $5, $6::timestamptz, $7::bigint, $8"
           " WHERE $9::bigint < 0 OR (SELECT count(*) FROM pubsub_item WHERE owner = $1::bigint"
           " AND node_id = $2::bigint AND item <> $3) < $9::bigint"
           " ON CONFLICT (owner, node_id, item) DO UPDATE SET seq = EXCLUDED.seq,"
           " publisher = EXCLUDED.publisher, published = EXCLUDED.published,"
           " size = EXCLUDED.size, xml = EXCLUDED.xml",
    .parameters = 9,
};

static const struct db_statement trim = {
    .name = "pubsub_item_trim",
    .sql = "DELETE FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint"
           " AND seq <= (SELECT seq FROM pubsub_item WHERE owner = $1::bigint"
           " AND node_id = $2::bigint ORDER BY seq DESC OFFSET $3::bigint LIMIT 1)",
    .parameters = 3,
};

static const struct db_statement expire = {
    .name = "pubsub_item_expire",
    .sql = "DELETE FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint"
           " AND published < $3::timestamptz",
    .parameters = 3,
};

static const struct db_statement erase_item = {
    .name = "pubsub_item_erase",
    .sql = "DELETE FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint"
           " AND item = $3 AND ($4::text IS NULL OR split_part(publisher, '/', 1) = $4)",
    .parameters = 4,
};

static const struct db_statement erase_items = {
    .name = "pubsub_items_erase",
    .sql = "DELETE FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint",
    .parameters = 2,
};

static const struct db_statement count = {
    .name = "pubsub_item_count",
    .sql = "SELECT coalesce(max(seq), 0), count(*), coalesce(sum(size), 0)::bigint"
           " FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint",
    .parameters = 2,
};

void store_node(struct sm_unit *unit, int64_t owner, const struct pubsub_node *node)
{
    struct buffer config = {0};
    char created[DATETIME_SIZE];

    options_format(&node->options, &config);
    datetime_format(node->created_us, created);
    sm_add_values(unit, &write_node, DB_INT(owner), DB_INT(node->id), DB_TEXT(node->name),
                  DB_TEXT(config.length > 0 ? config.data : ""), DB_TEXT(node->creator),
                  DB_TEXT(created));
    buffer_fini(&config);
}

void store_erase_node(struct sm_unit *unit, int64_t owner, int64_t node)
{
    store_erase_items(unit, owner, node);
    for (size_t i = 0; i < ARRAY_SIZE(erase_node); i++)
        sm_add_values(unit, &erase_node[i], DB_INT(owner), DB_INT(node));
}

/* JIDs may be longer than an index entry: the key is a hash. */
#define JID_HASH(hash) DB_BYTES(hash, crypto_hash_size(CRYPTO_SHA256))

static void hash_jid(const char *jid, uint8_t hash[CRYPTO_HASH_MAX])
{
    crypto_digest(CRYPTO_SHA256, jid, strlen(jid), hash);
}

void store_affiliation(struct sm_unit *unit, int64_t owner, int64_t node, const struct jid *jid,
                       enum pubsub_affiliation affiliation)
{
    uint8_t hash[CRYPTO_HASH_MAX];

    hash_jid(jid->bare, hash);
    if (affiliation == AFFILIATION_NONE)
        sm_add_values(unit, &erase_affiliation, DB_INT(owner), DB_INT(node), JID_HASH(hash));
    else
        sm_add_values(unit, &write_affiliation, DB_INT(owner), DB_INT(node), JID_HASH(hash),
                      DB_TEXT(jid->bare), DB_TEXT(affiliation_name(affiliation)));
}

void store_subscription(struct sm_unit *unit, int64_t owner, int64_t node, const struct jid *jid,
                        enum pubsub_state state, bool deliver)
{
    uint8_t hash[CRYPTO_HASH_MAX];

    hash_jid(jid->full, hash);
    if (state == SUBSCRIPTION_IS_NONE)
        sm_add_values(unit, &erase_subscription, DB_INT(owner), DB_INT(node), JID_HASH(hash));
    else
        sm_add_values(unit, &write_subscription, DB_INT(owner), DB_INT(node), JID_HASH(hash),
                      DB_TEXT(jid->full), DB_TEXT(state_name(state)), DB_BOOL(deliver));
}

void store_item(struct sm_unit *unit, int64_t owner, const struct store_item *item,
                int64_t rejects_above)
{
    char published[DATETIME_SIZE];

    datetime_format(clock_wall_us(), published);
    sm_add_values(unit, &write_item, DB_INT(owner), DB_INT(item->node), DB_TEXT(item->id),
                  DB_INT(item->seq), DB_TEXT(item->publisher), DB_TEXT(published),
                  DB_INT((int64_t)(strlen(item->xml) + strlen(item->id))), DB_TEXT(item->xml),
                  DB_INT(rejects_above));
}

void store_trim(struct sm_unit *unit, int64_t owner, int64_t node, int64_t keep, int64_t expire_s)
{
    char before[DATETIME_SIZE];

    datetime_format(expire_s > 0 ? clock_wall_us() - expire_s * 1000000 : 0, before);
    sm_add_values(unit, &trim, DB_INT(owner), DB_INT(node), DB_INT(keep));
    sm_add_values(unit, &expire, DB_INT(owner), DB_INT(node), DB_TEXT(before));
}

void store_erase_item(struct sm_unit *unit, int64_t owner, int64_t node, const char *id,
                      const char *publisher)
{
    sm_add_values(unit, &erase_item, DB_INT(owner), DB_INT(node), DB_TEXT(id), DB_TEXT(publisher));
}

void store_erase_items(struct sm_unit *unit, int64_t owner, int64_t node)
{
    sm_add_values(unit, &erase_items, DB_INT(owner), DB_INT(node));
}

void store_count(struct sm_unit *unit, int64_t owner, int64_t node)
{
    sm_add_values(unit, &count, DB_INT(owner), DB_INT(node));
}
