/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who may change whom (XEP-0045 §§5.1.1, 5.2.1, 8, 9 and 10.3 to 10.8): lists of roles and
 * affiliations, and changes to them. All items of a request are checked before any is applied
 * (§9.2).
 */
#include "muc/affiliation.h"
#include "muc/enter.h"
#include "muc/invite.h"
#include "muc/kept_role.h"
#include "muc/modules.h"

#define ITEMS_MAX 200

struct item {
    int affiliation, role; /* -1: not given */
    const char *nick, *reason;
    struct jid jid;
    bool has_jid;
    bool reserves;             /* a nickname is given with the affiliation: */
    const char *reserved;      /* this one; NULL: none any more */
    struct occupant *occupant; /* of the nick */
};

/* --- lists --- */

static struct element *add_item(struct element *query, const char *affiliation, const char *jid)
{
    struct element *item = element_add(query, NS_MUC_ADMIN, "item");

    element_set(item, "affiliation", affiliation);
    element_set(item, "jid", jid);
    return item;
}

static void tell_affiliated(struct turn *turn, enum affiliation affiliation)
{
    struct element *query = element_add(turn_result(turn)->root, NS_MUC_ADMIN, "query");
    const struct affiliated *each;

    for (each = turn->room->affiliations; each; each = each->hh.next) {
        struct element *item;

        if (each->affiliation != affiliation)
            continue;
        item = add_item(query, affiliation_name(affiliation), each->jid);
        if (affiliation != AFFILIATION_OUTCAST)
            element_set(item, "nick", each->nick);
        if (each->reason)
            element_add_with_text(item, NS_MUC_ADMIN, "reason", each->reason);
    }
}

static void tell_role(struct turn *turn, enum role role, bool shows)
{
    const struct room *room = turn->room;
    struct element *query = element_add(turn_result(turn)->root, NS_MUC_ADMIN, "query");
    const struct occupant *each;

    for (each = room->occupants; each; each = each->hh.next) {
        struct element *item;

        if (each->role != role)
            continue;
        item = add_item(query, affiliation_name(room_affiliation(room, each->bare)),
                        shows ? each->sessions->jid->full : NULL);
        element_set(item, "nick", each->nick);
        element_set(item, "role", role_name(role));
    }
}

static enum role role_of(const struct turn *turn, const struct stanza *request)
{
    const struct session *session = room_session(turn->room, &request->from);
    const struct occupant *occupant =
        session ? session->occupant : room_occupant_of(turn->room, &request->from);

    return occupant ? occupant->role : ROLE_NONE;
}

/* §§9.5, 10.5 and 10.8 with what a non-anonymous room shows anyway. */
static bool may_list(const struct turn *turn, const struct stanza *request, int affiliation)
{
    const struct room *room = turn->room;
    enum affiliation own = room_affiliation(room, &request->from);
    enum role role = role_of(turn, request);
    bool open = strcmp(room_text(room, OPTION_WHOIS), "anyone") == 0 &&
                (own >= AFFILIATION_MEMBER || role > ROLE_NONE);

    if (own >= AFFILIATION_ADMIN)
        return true;
    if (affiliation == AFFILIATION_OUTCAST || affiliation == AFFILIATION_NONE || !open)
        return false;
    return role == ROLE_NONE || option_has(room_text(room, OPTION_GET_MEMBERS), role_name(role));
}

static void get(struct turn *turn, struct stanza *request, struct element *payload)
{
    const struct element *item = element_find(payload, NS_MUC_ADMIN, "item");
    const char *affiliation = item ? element_get(item, "affiliation") : NULL;
    const char *role = item ? element_get(item, "role") : NULL;
    int wanted = affiliation ? affiliation_parse(affiliation) : role ? role_parse(role) : -1;

    if (wanted < 0 || (affiliation && role)) {
        turn_refuse(turn, SITUATION_ADMIN_BAD);
    } else if (affiliation) {
        if (may_list(turn, request, wanted))
            tell_affiliated(turn, (enum affiliation)wanted);
        else
            turn_refuse(turn, SITUATION_ADMIN_FORBIDDEN);
    } else if (role_of(turn, request) == ROLE_MODERATOR ||
               room_affiliation(turn->room, &request->from) >= AFFILIATION_ADMIN) {
        tell_role(turn, (enum role)wanted, true);
    } else {
        turn_refuse(turn, SITUATION_ADMIN_FORBIDDEN);
    }
}

/* --- reading a change --- */

static int read_name(const struct element *element, const char *name, int (*parse)(const char *),
                     int *value)
{
    const char *text = element_get(element, name);

    *value = text ? parse(text) : -1;
    return text && *value < 0 ? SITUATION_ADMIN_BAD : -1;
}

/* §§9.3 and 9.5: the nickname that is reserved with it; an empty one frees what was. */
static int read_reserved(const struct room *room, const struct element *element, struct item *item)
{
    item->reserves = item->nick && item->jid.local && item->affiliation >= (int)AFFILIATION_MEMBER;
    if (!item->reserves || *item->nick == '\0')
        return -1;
    if (jid_prepare_resource(element->arena, item->nick, &item->reserved) < 0 ||
        !nick_is_good(item->reserved))
        return SITUATION_NICK_BAD;
    return room_nick_is_taken(room, item->reserved, item->jid.bare) ? SITUATION_REGISTER_NICK_TAKEN
                                                                    : -1;
}

/* -1, or why it cannot be. */
static int read_item(const struct room *room, const struct element *element, struct item *item)
{
    const char *jid = element_get(element, "jid");

    *item = (struct item){.nick = element_get(element, "nick"),
                          .reason = element_child_text(element, NS_MUC_ADMIN, "reason")};
    if (read_name(element, "affiliation", affiliation_parse, &item->affiliation) >= 0 ||
        read_name(element, "role", role_parse, &item->role) >= 0 ||
        (item->affiliation < 0) == (item->role < 0)) /* §17.4: one of them */
        return SITUATION_ADMIN_BAD;
    item->occupant = item->nick ? room_occupant(room, item->nick) : NULL;
    if (jid) {
        if (jid_parse(element->arena, jid, &item->jid) < 0)
            return SITUATION_ADMIN_JID_BAD;
        item->has_jid = true;
    }
    if (item->role >= 0 || !jid) {
        if (item->nick == NULL)
            return SITUATION_ADMIN_BAD;
        /* The nickname may have gone to somebody else meanwhile. */
        if (item->occupant == NULL ||
            (item->has_jid && strcmp(item->jid.bare, item->occupant->bare->bare) != 0))
            return SITUATION_ADMIN_NO_SUCH_NICK;
        item->jid = *item->occupant->bare;
        return -1;
    }
    return read_reserved(room, element, item);
}

/* --- who may --- */

static bool is_self(const struct stanza *request, const struct item *item)
{
    return strcmp(request->from.bare, item->jid.bare) == 0;
}

/* §§5.1.3 and 8.2: moderators are kicked by administrators only, or by themselves. */
static bool may_kick(const struct stanza *request, const struct item *item, enum affiliation own,
                     enum affiliation theirs)
{
    if (item->occupant->role == ROLE_MODERATOR && own < AFFILIATION_ADMIN &&
        !is_self(request, item))
        return false;
    return theirs <= own;
}

/* §§8.2 to 8.4, 9.6 and 9.7 */
static int role_problem(const struct turn *turn, const struct stanza *request,
                        const struct item *item)
{
    const struct room *room = turn->room;
    enum affiliation own = room_affiliation(room, &request->from);
    enum affiliation theirs = room_affiliation(room, item->occupant->bare);

    if (role_of(turn, request) != ROLE_MODERATOR)
        return SITUATION_ADMIN_FORBIDDEN;
    if (item->role == ROLE_NONE)
        return may_kick(request, item, own, theirs) ? -1 : SITUATION_ADMIN_NOT_ALLOWED;
    /* Making and unmaking moderators is for administrators. */
    if ((item->role == ROLE_MODERATOR || item->occupant->role == ROLE_MODERATOR) &&
        own < AFFILIATION_ADMIN)
        return SITUATION_ADMIN_FORBIDDEN;
    if (item->role < (int)item->occupant->role &&
        (theirs >= AFFILIATION_ADMIN ||
         (theirs >= own && own < AFFILIATION_ADMIN && theirs > AFFILIATION_NONE)))
        return SITUATION_ADMIN_NOT_ALLOWED;
    return -1;
}

/* §§5.2.1, 9.1 to 9.4, 10.3 to 10.7 */
static int affiliation_problem(const struct turn *turn, const struct stanza *request,
                               const struct item *item)
{
    const struct room *room = turn->room;
    enum affiliation own = room_affiliation(room, &request->from);
    enum affiliation theirs = room_affiliation(room, &item->jid);

    if (own < AFFILIATION_ADMIN)
        return SITUATION_ADMIN_FORBIDDEN;
    if (item->affiliation == AFFILIATION_OUTCAST && is_self(request, item))
        return SITUATION_ADMIN_SELF;
    if (theirs == AFFILIATION_OWNER && item->affiliation != AFFILIATION_OWNER &&
        room_count(room, AFFILIATION_OWNER) == 1 && own == AFFILIATION_OWNER)
        return SITUATION_ADMIN_LAST_OWNER;
    if (own < AFFILIATION_OWNER) {
        if (item->affiliation >= AFFILIATION_ADMIN)
            return SITUATION_ADMIN_FORBIDDEN;
        if (theirs >= AFFILIATION_ADMIN && !is_self(request, item))
            return SITUATION_ADMIN_NOT_ALLOWED;
    }
    if (affiliation_is_full(room, item->jid.bare))
        return SITUATION_ADMIN_TOO_MANY;
    return -1;
}

/* --- all of them --- */

/* One before it in the request has the nickname for another. */
static bool is_reserved_before(const struct item *items, size_t count, const struct item *item)
{
    for (size_t i = 0; i < count && item->reserved; i++)
        if (items[i].reserved && strcmp(items[i].reserved, item->reserved) == 0 &&
            strcmp(items[i].jid.bare, item->jid.bare) != 0)
            return true;
    return false;
}

static int check(const struct turn *turn, const struct stanza *request,
                 const struct element *payload, struct item *items, size_t *count)
{
    size_t owners_gone = 0;

    ELEMENT_FOREACH (element, payload) {
        struct item *item = &items[*count];
        int problem;

        if (!element_is(element, NS_MUC_ADMIN, "item"))
            continue;
        if (*count == ITEMS_MAX)
            return SITUATION_ADMIN_TOO_MANY;
        problem = read_item(turn->room, element, item);
        if (problem < 0)
            problem = item->role >= 0 ? role_problem(turn, request, item)
                                      : affiliation_problem(turn, request, item);
        if (problem < 0 && is_reserved_before(items, *count, item))
            problem = SITUATION_REGISTER_NICK_TAKEN;
        if (problem >= 0)
            return problem;
        owners_gone += item->role < 0 && item->affiliation != AFFILIATION_OWNER &&
                       room_affiliation(turn->room, &item->jid) == AFFILIATION_OWNER;
        ++*count;
    }
    if (*count == 0)
        return SITUATION_ADMIN_BAD;
    return owners_gone > 0 && owners_gone >= room_count(turn->room, AFFILIATION_OWNER)
               ? SITUATION_ADMIN_LAST_OWNER
               : -1;
}

/* §9.5: who may enter from now on, and could not know it. */
static bool is_new_member(const struct room *room, const struct item *item)
{
    return room_is(room, OPTION_MEMBERS_ONLY) && item->affiliation == (int)AFFILIATION_MEMBER &&
           item->jid.local && room_affiliation(room, &item->jid) == AFFILIATION_NONE;
}

static void apply_affiliation(struct turn *turn, const struct item *item, const char *actor,
                              size_t *invited)
{
    bool invites = is_new_member(turn->room, item) && *invited < INVITES_MAX;

    affiliation_set(turn, &item->jid, (enum affiliation)item->affiliation, actor, item->reason);
    if (item->reserves)
        affiliation_reserve(turn, item->jid.bare, item->reserved);
    if (invites)
        invite_member(turn, &item->jid, turn->request->from.bare, item->reason);
    *invited += invites;
}

static void apply_role(struct turn *turn, const struct item *item, struct occupant *occupant,
                       const char *actor)
{
    if (item->role != ROLE_NONE)
        kept_role_set(turn, occupant->bare, (enum role)item->role);
    role_set(turn, occupant, (enum role)item->role, actor, item->reason);
}

static void apply(struct turn *turn, const struct item *item, const char *actor, size_t *invited)
{
    /* An item before it may have removed the occupant. */
    struct occupant *occupant = item->nick ? room_occupant(turn->room, item->nick) : NULL;

    if (item->role < 0)
        apply_affiliation(turn, item, actor, invited);
    else if (occupant)
        apply_role(turn, item, occupant, actor);
}

/* Of items that name occupants they are the occupants', whom an item before may remove. */
static void keep_jids(struct arena *arena, struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i].jid = jid_copy(arena, &items[i].jid);
}

static void set(struct turn *turn, struct stanza *request, struct element *payload)
{
    const struct session *session = room_session(turn->room, &request->from);
    struct item *items = xcalloc(ITEMS_MAX + 1, sizeof(*items));
    char *actor = session ? xstrdup(session->occupant->nick) : NULL;
    size_t count = 0, invited = 0;
    int problem = check(turn, request, payload, items, &count);

    if (problem >= 0) {
        turn_refuse(turn, (enum situation)problem);
    } else {
        turn_result(turn);
        keep_jids(request->arena, items, count);
        for (size_t i = 0; i < count; i++)
            apply(turn, &items[i], actor, &invited);
        leave_check(turn);
    }
    free(actor);
    free(items);
}

static const struct iq_row rows[] = {
    {NS_MUC_ADMIN, "query", IQ_GET, PLACE_ROOM, true, get},
    {NS_MUC_ADMIN, "query", IQ_SET, PLACE_ROOM, true, set},
    {0},
};

const struct muc_module admin_module = {.name = "admin", .rows = rows};
