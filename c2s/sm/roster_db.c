/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The roster in the database (docs/SCHEMA.md). The owner of the slot is the only writer, so
 * versions are counted in memory and written with the item they belong to.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/roster.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"

/* Between the groups of an item in one column: a character that XML cannot contain. */
#define GROUP_SEPARATOR '\x1f'

enum column {
    COLUMN_VERSION,
    COLUMN_FLOOR,
    COLUMN_JID,
    COLUMN_NAME,
    COLUMN_SUBSCRIPTION,
    COLUMN_ASK,
    COLUMN_APPROVED,
    COLUMN_PENDING_IN,
    COLUMN_PENDING_STANZA,
    COLUMN_GROUPS,
    COLUMN_ITEM_VERSION,
    COLUMN_REMOVED
};

const struct db_statement roster_load_statement = {
    "roster_load",
    "SELECT a.roster_version, a.roster_floor, r.jid, r.name, r.subscription, r.ask, r.approved,"
    " r.pending_in, r.pending_in_stanza, r.group_names, r.version, r.removed"
    " FROM account a LEFT JOIN roster_item r ON r.owner = a.owner WHERE a.owner = $1",
    1,
};

static const struct db_statement upsert_item = {
    "roster_upsert",
    "INSERT INTO roster_item (owner, jid_hash, jid, name, subscription, ask, approved, pending_in,"
    " pending_in_stanza, group_names, version, removed)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    " ON CONFLICT (owner, jid_hash) DO UPDATE SET name = excluded.name,"
    " subscription = excluded.subscription, ask = excluded.ask, approved = excluded.approved,"
    " pending_in = excluded.pending_in, pending_in_stanza = excluded.pending_in_stanza,"
    " group_names = excluded.group_names, version = excluded.version,"
    " removed = excluded.removed",
    12,
};

static const struct db_statement delete_item = {
    "roster_delete",
    "DELETE FROM roster_item WHERE owner = $1 AND jid_hash = $2",
    2,
};

static const struct db_statement update_version = {
    "roster_version",
    "UPDATE account SET roster_version = $2 WHERE owner = $1",
    2,
};

static const struct db_statement update_floor = {
    "roster_floor",
    "UPDATE account SET roster_floor = $2 WHERE owner = $1",
    2,
};

static const struct db_statement delete_removed = {
    "roster_forget",
    "DELETE FROM roster_item WHERE owner = $1 AND removed AND NOT pending_in AND version <= $2",
    2,
};

static enum subscription read_subscription(const struct db_result *rows, size_t row)
{
    const char *name = db_get_text(rows, row, COLUMN_SUBSCRIPTION);
    bool both = strcmp(name, "both") == 0;

    return subscription_make(both || strcmp(name, "to") == 0, both || strcmp(name, "from") == 0,
                             db_get_bool(rows, row, COLUMN_ASK),
                             db_get_bool(rows, row, COLUMN_PENDING_IN));
}

static void read_groups(struct roster_item *item, const char *text)
{
    while (*text) {
        const char *end = strchrnul(text, GROUP_SEPARATOR);

        item->groups = xrealloc(item->groups, (item->groups_count + 1) * sizeof(*item->groups));
        item->groups[item->groups_count++] = xstrndup(text, (size_t)(end - text));
        text = *end ? end + 1 : end;
    }
}

static char *read_text(const struct db_result *rows, size_t row, int column)
{
    return db_is_null(rows, row, column) ? NULL : xstrdup(db_get_text(rows, row, column));
}

static struct jid *read_jid(const struct db_result *rows, size_t row)
{
    struct arena *arena = arena_new();
    struct jid jid;
    struct jid *copy = NULL;

    if (jid_parse(arena, db_get_text(rows, row, COLUMN_JID), &jid) == 0) {
        copy = jid_dup(&jid);
    } else {
        log_error("roster_row_damaged", LOG_TEXT("jid", db_get_text(rows, row, COLUMN_JID)));
    }
    arena_free(arena);
    return copy;
}

static void load_item(struct roster *roster, const struct db_result *rows, size_t row)
{
    struct jid *jid = read_jid(rows, row);
    struct roster_item *item;

    if (!jid) {
        return;
    }
    item = xcalloc(1, sizeof(*item));
    item->jid = jid;
    item->name = read_text(rows, row, COLUMN_NAME);
    item->subscription = read_subscription(rows, row);
    item->approved = db_get_bool(rows, row, COLUMN_APPROVED);
    item->pending = read_text(rows, row, COLUMN_PENDING_STANZA);
    item->version = db_get_int(rows, row, COLUMN_ITEM_VERSION);
    item->removed = db_get_bool(rows, row, COLUMN_REMOVED);
    read_groups(item, db_get_text(rows, row, COLUMN_GROUPS));
    roster_insert(roster, item);
}

struct roster *roster_load(const struct db_result *rows)
{
    struct roster *roster = xcalloc(1, sizeof(*roster));

    for (size_t row = 0; row < db_rows(rows); row++) {
        roster->version = db_get_int(rows, row, COLUMN_VERSION);
        roster->floor = db_get_int(rows, row, COLUMN_FLOOR);
        if (!db_is_null(rows, row, COLUMN_JID)) {
            load_item(roster, rows, row);
        }
    }
    return roster;
}

static char *join_groups(const struct roster_item *item)
{
    struct buffer text = {0};

    buffer_append_text(&text, "");
    for (size_t i = 0; i < item->groups_count; i++) {
        if (i > 0) {
            buffer_append_char(&text, GROUP_SEPARATOR);
        }
        buffer_append_text(&text, item->groups[i]);
    }
    return buffer_take(&text);
}

#define JID_HASH_SIZE 32 /* SHA-256 */

static void hash_jid(const struct roster_item *item, uint8_t hash[JID_HASH_SIZE])
{
    crypto_digest(CRYPTO_SHA256, item->jid->full, strlen(item->jid->full), hash);
}

void roster_write_item(struct sm_unit *unit, int64_t owner, const struct roster_item *item)
{
    uint8_t hash[JID_HASH_SIZE];
    char *groups = join_groups(item);

    hash_jid(item, hash);
    sm_add_values(unit, &upsert_item, DB_INT(owner), DB_BYTES(hash, sizeof(hash)),
                  DB_TEXT(item->jid->full), DB_TEXT(item->name),
                  DB_TEXT(subscription_name(item->subscription)),
                  DB_BOOL(subscription_pending_out(item->subscription)), DB_BOOL(item->approved),
                  DB_BOOL(subscription_pending_in(item->subscription)), DB_TEXT(item->pending),
                  DB_TEXT(groups), DB_INT(item->version), DB_BOOL(item->removed));
    free(groups);
}

void roster_erase_item(struct sm_unit *unit, int64_t owner, const struct roster_item *item)
{
    uint8_t hash[JID_HASH_SIZE];

    hash_jid(item, hash);
    sm_add_values(unit, &delete_item, DB_INT(owner), DB_BYTES(hash, sizeof(hash)));
}

void roster_write_version(struct sm_unit *unit, int64_t owner, int64_t version)
{
    sm_add_values(unit, &update_version, DB_INT(owner), DB_INT(version));
}

void roster_write_floor(struct sm_unit *unit, int64_t owner, int64_t floor)
{
    sm_add_values(unit, &update_floor, DB_INT(owner), DB_INT(floor));
    sm_add_values(unit, &delete_removed, DB_INT(owner), DB_INT(floor));
}
