/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing and reading entries.
 */
#include "c2s/directory/rows.h"

#include <string.h>

/* The row of the counter is locked to the end of the transaction, so entries become visible in the
 * order of their serials, and who has read up to one has missed none. */
static const struct db_statement add_own = {
    .name = "directory_add_own",
    .sql = "WITH next AS (UPDATE directory_state SET last_serial = last_serial + 1 WHERE id = 1"
           " RETURNING last_serial)"
           " INSERT INTO directory (jid_hash, jid, home, version, deleted, key_id, signature,"
           " serial) SELECT $1::bytea, $2, $3, $4::bigint, $5::boolean, $6::bytea, $7::bytea,"
           " last_serial FROM next"
           " ON CONFLICT (jid_hash) DO UPDATE SET home = excluded.home,"
           " version = excluded.version, deleted = excluded.deleted, key_id = excluded.key_id,"
           " signature = excluded.signature, serial = excluded.serial, releasing = false"
           " WHERE directory.version < excluded.version OR (directory.version = excluded.version"
           " AND directory.key_id <> excluded.key_id)",
    .parameters = 7,
};

static const struct db_statement add_other = {
    .name = "directory_add_other",
    .sql = "INSERT INTO directory (jid_hash, jid, home, version, deleted, key_id, signature,"
           " serial) VALUES ($1::bytea, $2, $3, $4::bigint, $5::boolean, $6::bytea, $7::bytea,"
           " $8::bigint)"
           " ON CONFLICT (jid_hash) DO UPDATE SET home = excluded.home,"
           " version = excluded.version, deleted = excluded.deleted, key_id = excluded.key_id,"
           " signature = excluded.signature, serial = excluded.serial, releasing = false"
           " WHERE directory.version < excluded.version OR (directory.version = excluded.version"
           " AND directory.key_id <> excluded.key_id)",
    .parameters = 8,
};

void rows_add_own(struct db_unit *unit, const struct grant *grant)
{
    uint8_t hash[GRANT_HASH_SIZE];

    grant_hash(grant->jid, hash);
    db_unit_add_values(unit, &add_own, DB_BYTES(hash, sizeof(hash)), DB_TEXT(grant->jid),
                       DB_TEXT(grant->home), DB_INT(grant->version), DB_BOOL(grant->deleted),
                       DB_BYTES(grant->key_id, sizeof(grant->key_id)),
                       DB_BYTES(grant->signature, sizeof(grant->signature)));
}

void rows_add_other(struct db_unit *unit, const struct grant *grant, int64_t serial)
{
    uint8_t hash[GRANT_HASH_SIZE];

    grant_hash(grant->jid, hash);
    db_unit_add_values(unit, &add_other, DB_BYTES(hash, sizeof(hash)), DB_TEXT(grant->jid),
                       DB_TEXT(grant->home), DB_INT(grant->version), DB_BOOL(grant->deleted),
                       DB_BYTES(grant->key_id, sizeof(grant->key_id)),
                       DB_BYTES(grant->signature, sizeof(grant->signature)), DB_INT(serial));
}

const struct db_statement rows_nothing = {.name = "directory_nothing", .sql = "SELECT 1"};

static void get_bytes(const struct db_result *result, size_t row, int column, uint8_t *bytes,
                      size_t length)
{
    struct buffer buffer = {0};

    db_get_bytes(result, row, column, &buffer);
    if (buffer.length == length)
        memcpy(bytes, buffer.data, length);
    buffer_fini(&buffer);
}

void rows_get(const struct db_result *result, size_t row, struct arena *arena, struct grant *grant,
              int64_t *serial)
{
    *grant = (struct grant){
        .jid = arena_strdup(arena, db_get_text(result, row, 0)),
        .home = arena_strdup(arena, db_get_text(result, row, 1)),
        .version = db_get_int(result, row, 2),
        .deleted = db_get_bool(result, row, 3),
    };
    get_bytes(result, row, 4, grant->key_id, sizeof(grant->key_id));
    get_bytes(result, row, 5, grant->signature, sizeof(grant->signature));
    *serial = db_get_int(result, row, ROWS_SERIAL_COLUMN);
}
