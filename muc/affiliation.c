/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Roles and affiliations that change.
 */
#include "muc/affiliation.h"

#include <stdlib.h>

#include "muc/enter.h"
#include "muc/kept_role.h"
#include "muc/store.h"

void affiliation_list_add(struct affiliation_list *list, const struct jid *jid)
{
    list->jids = xrealloc(list->jids, (list->count + 1) * sizeof(*list->jids));
    list->jids[list->count++] = xstrdup(jid->bare);
}

void affiliation_list_fini(struct affiliation_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->jids[i]);
    free(list->jids);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t affiliation_list_sort(const struct room *room, struct affiliation_list *list)
{
    size_t unknown = 0;

    if (list->count > 0)
        qsort(list->jids, list->count, sizeof(*list->jids), by_text);
    for (size_t i = 0; i < list->count; i++) {
        bool again = i > 0 && strcmp(list->jids[i], list->jids[i - 1]) == 0;

        unknown += !again && !room_affiliated(room, list->jids[i]);
    }
    return unknown;
}

static bool has(const struct affiliation_list *list, const char *jid)
{
    return list->count > 0 &&
           bsearch(&jid, list->jids, list->count, sizeof(*list->jids), by_text) != NULL;
}

bool affiliation_is_full(const struct room *room, const char *bare)
{
    return !room_affiliated(room, bare) &&
           HASH_COUNT(room->affiliations) >= room->muc->limits.affiliations;
}

/* --- roles --- */

static void store_sessions(struct turn *turn, const struct occupant *occupant)
{
    const struct session *session;

    DL_FOREACH (occupant->sessions, session) {
        store_session(turn, session);
    }
}

static void change_role(struct turn *turn, struct occupant *occupant, enum role role,
                        const char *actor, const char *reason)
{
    const struct news news = {
        .presence = occupant->sessions->presence, .actor = actor, .reason = reason};
    bool was_shown = presence_is_shown(turn->room, occupant->role);

    occupant->role = role;
    store_sessions(turn, occupant);
    if (was_shown)
        presence_tell_shown(turn, occupant, true);
    presence_tell(turn, occupant, &news, NULL);
}

void role_set(struct turn *turn, struct occupant *occupant, enum role role, const char *actor,
              const char *reason)
{
    struct news news = {.actor = actor, .reason = reason, .codes = {STATUS_KICKED}};

    if (role == ROLE_NONE) {
        leave_all(turn, occupant, &news);
        return;
    }
    if (occupant->role == role)
        return;
    change_role(turn, occupant, role, actor, reason);
}

/* --- affiliations --- */

/* The code of why somebody may not stay; 0: he may. */
static int removal(const struct room *room, enum affiliation affiliation)
{
    if (affiliation == AFFILIATION_OUTCAST)
        return STATUS_BANNED;
    if (room_is(room, OPTION_MEMBERS_ONLY) && affiliation < AFFILIATION_MEMBER)
        return STATUS_NOT_AFFILIATED;
    return 0;
}

static void changed(struct turn *turn, struct occupant *occupant, enum affiliation before,
                    const char *actor, const char *reason)
{
    const struct room *room = turn->room;
    enum affiliation affiliation = room_affiliation(room, occupant->bare);
    int code = removal(room, affiliation);
    struct news news = {.actor = actor, .reason = reason, .codes = {code}};
    enum role role = room_role_of(room, affiliation);

    if (code) {
        leave_all(turn, occupant, &news);
        return;
    }
    /* Rising gives at least the role that goes with it; falling takes what came with the old. */
    if (affiliation > before)
        role = MAX(occupant->role, role);
    else if (before < AFFILIATION_ADMIN)
        role = occupant->role;
    change_role(turn, occupant, role, actor, reason);
}

static bool concerns(const struct occupant *occupant, const struct jid *jid)
{
    return strcmp(jid->local ? occupant->bare->bare : occupant->bare->domain, jid->bare) == 0;
}

void affiliation_set(struct turn *turn, const struct jid *jid, enum affiliation affiliation,
                     const char *actor, const char *reason)
{
    struct room *room = turn->room;
    const struct affiliated *known = room_affiliated(room, jid->bare);
    enum affiliation before = room_affiliation(room, jid);
    char *nick = known && affiliation >= AFFILIATION_MEMBER ? xstrdup_or_null(known->nick) : NULL;
    struct occupant *occupant, *next;

    room_set_affiliated(room, jid->bare, affiliation, nick, reason);
    free(nick);
    store_affiliated(turn, jid->bare);
    if (before == affiliation)
        return;
    kept_role_drop(turn, jid->bare);
    HASH_ITER (hh, room->occupants, occupant, next) {
        if (concerns(occupant, jid))
            changed(turn, occupant, before, actor, reason);
    }
}

void affiliation_reserve(struct turn *turn, const char *bare, const char *nick)
{
    const struct affiliated *known = room_affiliated(turn->room, bare);
    char *reason = known ? xstrdup_or_null(known->reason) : NULL;

    room_set_affiliated(turn->room, bare, known ? known->affiliation : AFFILIATION_NONE, nick,
                        reason);
    free(reason);
    store_affiliated(turn, bare);
}

static void set_text(struct turn *turn, const char *text, enum affiliation affiliation)
{
    struct arena *arena = arena_new();
    struct jid jid;

    if (jid_parse(arena, text, &jid) == 0)
        affiliation_set(turn, &jid, affiliation, NULL, NULL);
    arena_free(arena);
}

void affiliation_set_list(struct turn *turn, enum affiliation affiliation,
                          const struct affiliation_list *list)
{
    enum affiliation below =
        affiliation == AFFILIATION_OWNER ? AFFILIATION_ADMIN : AFFILIATION_MEMBER;
    struct affiliated *affiliated, *next;
    struct affiliation_list former = {0};

    for (size_t i = 0; i < list->count; i++) {
        affiliated = room_affiliated(turn->room, list->jids[i]);
        if (affiliated == NULL || affiliated->affiliation < affiliation)
            set_text(turn, list->jids[i], affiliation);
    }
    HASH_ITER (hh, turn->room->affiliations, affiliated, next) {
        struct jid jid = {.bare = affiliated->jid};

        if (affiliated->affiliation == affiliation && !has(list, affiliated->jid))
            affiliation_list_add(&former, &jid);
    }
    for (size_t i = 0; i < former.count; i++)
        set_text(turn, former.jids[i], below);
    affiliation_list_fini(&former);
}
