/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The statements of invitations that registrations need.
 */
#include "c2s/invitations.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/accounts.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

/* One connection: those who want the same token wait for each other there. */
#define AFFINITY 0

static const struct db_statement find_statement = {
    .name = "invitation_find",
    .sql = "SELECT invitation_id, local, kind = '" INVITATION_RESET "', admin FROM invitation"
           " WHERE token_hash = $1::bytea AND domain = $2 AND uses_left > 0"
           " AND kind <> '" INVITATION_CONTACT "'"
           " AND expires > $3::timestamptz",
    .parameters = 3,
};

/* A reset is for an account that is there, so no name is reserved against it. That the time is over
 * counts only when the token is shown (XEP-0445 §4). */
static const struct db_statement hold_statement = {
    .name = "invitation_hold",
    .sql = "WITH other AS (SELECT invitation_id FROM invitation WHERE domain = $4 AND local = $5"
           " AND kind = '" INVITATION_ACCOUNT "' AND invitation_id <> $1 AND uses_left > 0"
           " AND expires > $3::timestamptz LIMIT 1),"
           " held AS (UPDATE invitation SET held = $2,"
           " held_until = $3::timestamptz + interval '60 seconds'"
           " WHERE invitation_id = $1 AND uses_left > 0"
           " AND (held_until IS NULL OR held_until <= $3::timestamptz)"
           " AND (kind = '" INVITATION_RESET "' OR NOT EXISTS (SELECT 1 FROM other))"
           " RETURNING invitation_id)"
           " SELECT EXISTS (SELECT 1 FROM held), EXISTS (SELECT 1 FROM other),"
           " EXISTS (SELECT 1 FROM invitation WHERE invitation_id = $1 AND uses_left > 0)",
    .parameters = 5,
};

static const struct db_statement spend_statement = {
    .name = "invitation_spend",
    .sql = "UPDATE invitation SET uses_left = uses_left - 1, held = NULL, held_until = NULL,"
           " invitee = $3 WHERE invitation_id = $1 AND held = $2",
    .parameters = 3,
};

/* What the new account has still to do (sm/invited.c): become a contact of who has invited it. */
static const struct db_statement invited_statement = {
    .name = "invitation_invited",
    .sql = "UPDATE account SET invitation = $3 WHERE domain = $1 AND local = $2 AND EXISTS"
           " (SELECT 1 FROM invitation WHERE invitation_id = $3 AND inviter IS NOT NULL)",
    .parameters = 3,
};

static const struct db_statement release_statement = {
    .name = "invitation_release",
    .sql = "UPDATE invitation SET held = NULL, held_until = NULL"
           " WHERE invitation_id = $1 AND held = $2",
    .parameters = 2,
};

void invitation_fini(struct invitation *invitation)
{
    free(invitation->id);
    free(invitation->local);
    *invitation = (struct invitation){0};
}

struct db_unit *invitation_find(struct db *db, const char *token, const char *domain,
                                db_callback *found, void *user)
{
    uint8_t hash[CRYPTO_HASH_MAX];
    char now[DATETIME_SIZE];

    datetime_format(clock_wall_us(), now);
    crypto_digest(CRYPTO_SHA256, token, strlen(token), hash);
    const struct db_value values[] = {DB_BYTES(hash, crypto_hash_size(CRYPTO_SHA256)),
                                      DB_TEXT(domain), DB_TEXT(now)};
    return db_read(db, &find_statement, values, found, user);
}

void invitation_read(const struct db_result *found, struct invitation *invitation)
{
    invitation_fini(invitation);
    invitation->id = xstrdup(db_get_text(found, 0, 0));
    invitation->local = db_is_null(found, 0, 1) ? NULL : xstrdup(db_get_text(found, 0, 1));
    invitation->reset = db_get_bool(found, 0, 2);
    invitation->admin = db_get_bool(found, 0, 3);
}

struct db_unit *invitation_hold(struct db *db, const struct invitation *invitation,
                                const char *holder, const struct jid *account, db_callback *held,
                                void *user)
{
    char now[DATETIME_SIZE];

    datetime_format(clock_wall_us(), now);
    const struct db_value values[] = {DB_TEXT(invitation->id), DB_TEXT(holder), DB_TEXT(now),
                                      DB_TEXT(account->domain), DB_TEXT(account->local)};
    return db_query(db, AFFINITY, &hold_statement, values, held, user);
}

enum invitation_hold invitation_hold_result(const struct db_result *held)
{
    if (db_get_bool(held, 0, 0))
        return INVITATION_HELD;
    if (!db_get_bool(held, 0, 2))
        return INVITATION_SPENT;
    return db_get_bool(held, 0, 1) ? INVITATION_RESERVED : INVITATION_BUSY;
}

void invitation_spend(struct db *db, const struct invitation *invitation, const char *holder,
                      const struct jid *account, db_callback *done, void *user)
{
    struct db_unit *unit = db_unit_new(db, AFFINITY);

    db_unit_repeat(unit);
    db_unit_add_values(unit, &spend_statement, DB_TEXT(invitation->id), DB_TEXT(holder),
                       DB_TEXT(account->bare));
    if (!invitation->reset)
        db_unit_add_values(unit, &invited_statement, DB_TEXT(account->domain),
                           DB_TEXT(account->local), DB_TEXT(invitation->id));
    if (invitation->admin)
        db_unit_add_values(unit, &account_set_admin, DB_TEXT(account->domain),
                           DB_TEXT(account->local), DB_BOOL(true));
    db_submit(unit, done, user);
}

void invitation_release(struct db *db, const struct invitation *invitation, const char *holder)
{
    const struct db_value values[] = {DB_TEXT(invitation->id), DB_TEXT(holder)};

    db_query(db, AFFINITY, &release_statement, values, NULL, NULL);
}
