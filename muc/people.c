/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who is in a room, and who is what to it, in memory.
 */
#include <stdlib.h>

#include "common/base/encode.h"
#include "common/tls/crypto.h"
#include "muc/room.h"

#define MARK_BYTES 16

static const char *const affiliation_names[AFFILIATIONS] = {
    [AFFILIATION_OUTCAST] = "outcast", [AFFILIATION_NONE] = "none",
    [AFFILIATION_MEMBER] = "member",   [AFFILIATION_ADMIN] = "admin",
    [AFFILIATION_OWNER] = "owner",
};
static const char *const role_names[ROLES] = {
    [ROLE_NONE] = "none",
    [ROLE_VISITOR] = "visitor",
    [ROLE_PARTICIPANT] = "participant",
    [ROLE_MODERATOR] = "moderator",
};

const char *affiliation_name(enum affiliation affiliation)
{
    return affiliation_names[affiliation];
}

const char *role_name(enum role role)
{
    return role_names[role];
}

static int find_name(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

int affiliation_parse(const char *name)
{
    return find_name(affiliation_names, AFFILIATIONS, name);
}

int role_parse(const char *name)
{
    return find_name(role_names, ROLES, name);
}

/* --- affiliations --- */

struct affiliated *room_affiliated(const struct room *room, const char *bare)
{
    struct affiliated *affiliated;

    HASH_FIND_STR(room->affiliations, bare, affiliated);
    return affiliated;
}

enum affiliation room_affiliation(const struct room *room, const struct jid *jid)
{
    const struct affiliated *affiliated = room_affiliated(room, jid->bare);

    /* a domain can be affiliated, too; of some accounts in it only a nickname is known beside that
     */
    if ((affiliated == NULL || affiliated->affiliation == AFFILIATION_NONE) && jid->local)
        affiliated = room_affiliated(room, jid->domain);
    return affiliated ? affiliated->affiliation : AFFILIATION_NONE;
}

void room_set_affiliated(struct room *room, const char *bare, enum affiliation affiliation,
                         const char *nick, const char *reason)
{
    struct affiliated *affiliated = room_affiliated(room, bare);
    struct affiliated *new = NULL;

    if (affiliation != AFFILIATION_NONE || nick) {
        new = xcalloc(1, sizeof(*new));
        *new = (struct affiliated){.jid = xstrdup(bare),
                                   .affiliation = affiliation,
                                   .nick = xstrdup_or_null(nick),
                                   .reason = xstrdup_or_null(reason)};
    }
    if (affiliated) {
        HASH_DEL(room->affiliations, affiliated);
        free(affiliated->jid);
        free(affiliated->nick);
        free(affiliated->reason);
        free(affiliated);
    }
    if (new)
        HASH_ADD_KEYPTR(hh, room->affiliations, new->jid, strlen(new->jid), new);
}

size_t room_count(const struct room *room, enum affiliation affiliation)
{
    const struct affiliated *affiliated;
    size_t count = 0;

    for (affiliated = room->affiliations; affiliated; affiliated = affiliated->hh.next)
        count += affiliated->affiliation == affiliation;
    return count;
}

const struct affiliated *room_nick_owner(const struct room *room, const char *nick)
{
    const struct affiliated *affiliated;

    for (affiliated = room->affiliations; affiliated; affiliated = affiliated->hh.next)
        if (affiliated->nick && strcmp(affiliated->nick, nick) == 0)
            return affiliated;
    return NULL;
}

bool room_nick_is_taken(const struct room *room, const char *nick, const char *bare)
{
    const struct affiliated *owner = room_nick_owner(room, nick);
    const struct occupant *occupant = room_occupant(room, nick);

    return (owner && strcmp(owner->jid, bare) != 0) ||
           (occupant && strcmp(occupant->bare->bare, bare) != 0);
}

enum role room_role_of(const struct room *room, enum affiliation affiliation)
{
    switch (affiliation) {
    case AFFILIATION_OWNER:
    case AFFILIATION_ADMIN:
        return ROLE_MODERATOR;
    case AFFILIATION_MEMBER:
        return ROLE_PARTICIPANT;
    case AFFILIATION_NONE:
        return room_is(room, OPTION_MODERATED) ? ROLE_VISITOR : ROLE_PARTICIPANT;
    default:
        return ROLE_NONE;
    }
}

/* --- occupants --- */

struct session *room_session(const struct room *room, const struct jid *full)
{
    struct session *session;

    HASH_FIND_STR(room->sessions, full->full, session);
    return session;
}

struct occupant *room_occupant(const struct room *room, const char *nick)
{
    struct occupant *occupant;

    HASH_FIND_STR(room->occupants, nick, occupant);
    return occupant;
}

struct occupant *room_occupant_of(const struct room *room, const struct jid *bare)
{
    struct occupant *occupant;

    for (occupant = room->occupants; occupant; occupant = occupant->hh.next)
        if (strcmp(occupant->bare->bare, bare->bare) == 0)
            return occupant;
    return NULL;
}

size_t room_sessions_of(const struct room *room, const struct jid *bare)
{
    const struct session *session;
    size_t count = 0;

    for (session = room->sessions; session; session = session->hh.next)
        count += strcmp(session->jid->bare, bare->bare) == 0;
    return count;
}

/* XEP-0421 §3: the same for an account as long as the room lasts, and nobody can tell the account
 * from it. */
static char *occupant_id(const struct room *room, const struct jid *bare)
{
    uint8_t mac[CRYPTO_HASH_MAX];
    struct buffer text = {0};

    crypto_hmac(CRYPTO_SHA256, room->salt, strlen(room->salt), bare->bare, strlen(bare->bare), mac);
    base64_encode(&text, mac, crypto_hash_size(CRYPTO_SHA256));
    return buffer_take(&text);
}

/* The same as long as the room lasts, so that answers find it behind a restart. */
static char *session_mark(const struct room *room, const struct jid *full)
{
    uint8_t mac[CRYPTO_HASH_MAX];
    struct buffer text = {0};
    char *purpose = xasprintf("session %s", full->full);

    crypto_hmac(CRYPTO_SHA256, room->salt, strlen(room->salt), purpose, strlen(purpose), mac);
    hex_encode(&text, mac, MARK_BYTES);
    free(purpose);
    return buffer_take(&text);
}

static struct occupant *add_occupant(struct room *room, const struct jid *full, const char *nick,
                                     enum role role)
{
    struct occupant *occupant = xcalloc(1, sizeof(*occupant));

    occupant->room = room;
    occupant->nick = xstrdup(nick);
    occupant->bare = jid_dup_with_resource(full, NULL);
    occupant->jid = jid_dup_with_resource(room->jid, nick);
    occupant->id = occupant_id(room, full);
    occupant->role = role;
    HASH_ADD_KEYPTR(hh, room->occupants, occupant->nick, strlen(occupant->nick), occupant);
    return occupant;
}

struct session *room_add_session(struct room *room, const struct jid *full, const char *nick,
                                 enum role role, struct stanza *presence)
{
    struct session *session = xcalloc(1, sizeof(*session));
    struct occupant *occupant = room_occupant(room, nick);

    session->occupant = occupant ? occupant : add_occupant(room, full, nick, role);
    session->jid = jid_dup(full);
    session->mark = session_mark(room, full);
    session->presence = stanza_ref(presence);
    session->joined = room->seq;
    DL_APPEND(session->occupant->sessions, session);
    HASH_ADD_KEYPTR(hh, room->sessions, session->jid->full, strlen(session->jid->full), session);
    return session;
}

static void remove_occupant(struct room *room, struct occupant *occupant)
{
    HASH_DEL(room->occupants, occupant);
    free(occupant->nick);
    free(occupant->bare);
    free(occupant->jid);
    free(occupant->id);
    free(occupant);
}

void room_remove_session(struct room *room, struct session *session)
{
    struct occupant *occupant = session->occupant;

    HASH_DEL(room->sessions, session);
    DL_DELETE(occupant->sessions, session);
    stanza_unref(session->presence);
    free(session->jid);
    free(session->mark);
    free(session);
    if (occupant->sessions == NULL)
        remove_occupant(room, occupant);
}

void room_rename(struct room *room, struct occupant *occupant, const char *nick)
{
    HASH_DEL(room->occupants, occupant);
    free(occupant->nick);
    free(occupant->jid);
    occupant->nick = xstrdup(nick);
    occupant->jid = jid_dup_with_resource(room->jid, nick);
    HASH_ADD_KEYPTR(hh, room->occupants, occupant->nick, strlen(occupant->nick), occupant);
}

bool room_shows_jids_to(const struct room *room, const struct occupant *occupant)
{
    return occupant->role == ROLE_MODERATOR || strcmp(room_text(room, OPTION_WHOIS), "anyone") == 0;
}
