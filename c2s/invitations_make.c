/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * New invitations.
 */
#include <string.h>

#include "c2s/invitations.h"
#include "common/base/clock.h"
#include "common/tls/crypto.h"

/* One connection: names and numbers are counted one after the other. */
#define AFFINITY 0

static const struct db_statement clean_statement = {
    .name = "invitation_clean",
    .sql = "DELETE FROM invitation WHERE expires < $1::timestamptz - interval '30 days'",
    .parameters = 1,
};

/* A name is given to one open invitation only, and only if nobody has it. What was used or is out
 * of date counts for the limit too. */
static const struct db_statement create_statement = {
    .name = "invitation_create",
    .sql = "INSERT INTO invitation (invitation_id, token_hash, kind, domain, local, admin,"
           " uses_left, creator, created, expires, inviter)"
           " SELECT $1, $2::bytea, $3, $4, $5, $6::boolean, $7::bigint, $8, $9::timestamptz,"
           " $10::timestamptz, $11"
           " WHERE EXISTS (SELECT 1 FROM account WHERE domain = $4 AND local = $5)"
           " = ($3 = '" INVITATION_RESET "')"
           " AND ($3 = '" INVITATION_RESET "' OR NOT EXISTS (SELECT 1 FROM invitation"
           " WHERE domain = $4 AND local = $5 AND kind = $3 AND uses_left > 0"
           " AND expires > $9::timestamptz))"
           " AND ($12::bigint = 0 OR (SELECT count(*) FROM invitation WHERE inviter = $11"
           " AND created > $13::timestamptz) < $12::bigint)",
    .parameters = 13,
};

void invitation_make(struct db *db, const struct invitation_wish *wish,
                     struct invitation_made *made, db_callback *done, void *user)
{
    int64_t now_us = clock_wall_us();
    uint8_t hash[CRYPTO_HASH_MAX];
    char now[DATETIME_SIZE], since[DATETIME_SIZE];

    crypto_random_hex(made->id, INVITATION_ID_BYTES);
    crypto_random_hex(made->token, INVITATION_TOKEN_BYTES);
    crypto_digest(CRYPTO_SHA256, made->token, strlen(made->token), hash);
    datetime_format(now_us, now);
    datetime_format(now_us - wish->limit_ms * 1000, since);
    datetime_format(now_us + wish->life_ms * 1000, made->expires);
    struct db_unit *unit = db_unit_new(db, AFFINITY);
    db_unit_add_values(unit, &clean_statement, DB_TEXT(now));
    db_unit_add_values(
        unit, &create_statement, DB_TEXT(made->id), DB_BYTES(hash, crypto_hash_size(CRYPTO_SHA256)),
        DB_TEXT(wish->kind), DB_TEXT(wish->where->domain), DB_TEXT(wish->where->local),
        DB_BOOL(wish->admin), DB_INT(wish->uses), DB_TEXT(wish->creator), DB_TEXT(now),
        DB_TEXT(made->expires), DB_TEXT(wish->inviter), DB_INT(wish->limit), DB_TEXT(since));
    db_submit(unit, done, user);
}

bool invitation_was_made(const struct db_result *results, size_t count)
{
    return db_affected(&results[count - 1]) > 0;
}
