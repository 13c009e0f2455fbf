/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Roles that are kept, in memory and in the database.
 */
#include "muc/kept_role.h"

#include <stdlib.h>

#include "muc/modules.h"
#include "muc/store.h"

struct kept_role {
    UT_hash_handle hh; /* by jid */
    char *jid;         /* bare */
    enum role role;
};

static const struct db_statement write_statement = {
    "muc_kept_role",
    "INSERT INTO kept_role (room, jid_hash, jid, role) VALUES ($1::bigint, $2, $3, $4)"
    " ON CONFLICT (room, jid_hash) DO UPDATE SET role = $4",
    4};
static const struct db_statement remove_statement = {
    "muc_kept_role_gone", "DELETE FROM kept_role WHERE room = $1::bigint AND jid_hash = $2", 2};
static const struct db_statement load_statement = {
    "muc_load_kept_roles",
    "SELECT jid, role FROM kept_role WHERE room = (SELECT room FROM room WHERE local = $1)", 1};
static const struct db_statement erase_statements[] = {
    {"muc_destroy_kept_roles", "DELETE FROM kept_role WHERE room = $1::bigint", 1},
    {0},
};

/* --- memory --- */

static struct kept_role *find(const struct room *room, const char *bare)
{
    struct kept_role *kept;

    HASH_FIND_STR(room->kept_roles, bare, kept);
    return kept;
}

static void set(struct room *room, const char *bare, enum role role)
{
    struct kept_role *kept = find(room, bare);

    if (kept == NULL) {
        kept = xcalloc(1, sizeof(*kept));
        kept->jid = xstrdup(bare);
        HASH_ADD_KEYPTR(hh, room->kept_roles, kept->jid, strlen(kept->jid), kept);
    }
    kept->role = role;
}

static void drop(struct room *room, struct kept_role *kept)
{
    HASH_DEL(room->kept_roles, kept);
    free(kept->jid);
    free(kept);
}

static void forget(struct room *room)
{
    while (room->kept_roles)
        drop(room, room->kept_roles);
}

static void loaded(struct room *room, const struct db_result *result)
{
    for (size_t row = 0; row < db_rows(result); row++) {
        int role = role_parse(db_get_text(result, row, 1));

        if (role > ROLE_NONE)
            set(room, db_get_text(result, row, 0), (enum role)role);
    }
}

/* --- changes --- */

enum role kept_role_of(const struct room *room, const struct jid *jid)
{
    enum affiliation affiliation = room_affiliation(room, jid);
    const struct kept_role *kept = find(room, jid->bare);

    return kept && affiliation < AFFILIATION_ADMIN ? kept->role : room_role_of(room, affiliation);
}

void kept_role_set(struct turn *turn, const struct jid *jid, enum role role)
{
    struct room *room = turn->room;
    uint8_t place[STORE_HASH_SIZE];

    if (role == ROLE_MODERATOR || role == room_role_of(room, room_affiliation(room, jid)) ||
        (!find(room, jid->bare) &&
         HASH_COUNT(room->kept_roles) >= room->muc->limits.affiliations)) {
        kept_role_drop(turn, jid->bare);
        return;
    }
    set(room, jid->bare, role);
    turn_write(turn, &write_statement, DB_INT(room->id), store_hash(jid->bare, place),
               DB_TEXT(jid->bare), DB_TEXT(role_name(role)));
}

void kept_role_drop(struct turn *turn, const char *bare)
{
    struct kept_role *kept = find(turn->room, bare);
    uint8_t place[STORE_HASH_SIZE];

    if (kept == NULL)
        return;
    turn_write(turn, &remove_statement, DB_INT(turn->room->id), store_hash(bare, place));
    drop(turn->room, kept);
}

void kept_role_drop_all(struct turn *turn)
{
    if (turn->room->kept_roles == NULL)
        return;
    turn_write(turn, &erase_statements[0], DB_INT(turn->room->id));
    forget(turn->room);
}

const struct muc_module kept_role_module = {
    .name = "kept_role",
    .load = &load_statement,
    .loaded = loaded,
    .forget = forget,
    .erase = erase_statements,
};
