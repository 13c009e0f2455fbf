/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Mediated invitations and what comes back (XEP-0045 §7.8.2), with a direct one (XEP-0249) beside
 * it for clients that know only that.
 */
#include "muc/invite.h"

#include "common/xmpp/namespaces.h"
#include "muc/affiliation.h"
#include "muc/modules.h"
#include "muc/note.h"
#include "muc/rate.h"

#define NS_CONFERENCE "jabber:x:conference"

static const char *reason_of(const struct element *invite)
{
    return element_child_text(invite, NS_MUC_USER, "reason");
}

/* XEP-0249 */
static void add_direct(struct stanza *message, const struct room *room, const char *reason)
{
    struct element *x = element_add(message->root, NS_CONFERENCE, "x");

    element_set(x, "jid", room->jid->bare);
    element_set(x, "reason", reason);
    if (room_is(room, OPTION_PASSWORD_PROTECTED))
        element_set(x, "password", room_text(room, OPTION_SECRET));
}

static struct stanza *invitation(const struct room *room, const char *from,
                                 const struct element *invite)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct element *x = element_add(message->root, NS_MUC_USER, "x");
    struct element *copy = element_add_copy(x, invite);

    stanza_set_from(message, room->jid);
    element_set(copy, "to", NULL);
    element_set(copy, "from", from);
    if (room_is(room, OPTION_PASSWORD_PROTECTED))
        element_add_with_text(x, NS_MUC_USER, "password", room_text(room, OPTION_SECRET));
    add_direct(message, room, reason_of(invite));
    return message;
}

static bool may_invite(const struct room *room, const struct occupant *occupant)
{
    enum affiliation affiliation = room_affiliation(room, occupant->bare);

    if (affiliation >= AFFILIATION_ADMIN || room_is(room, OPTION_ALLOW_INVITES))
        return occupant->role > ROLE_VISITOR;
    /* An open room can be entered by anybody anyway. */
    return !room_is(room, OPTION_MEMBERS_ONLY) && occupant->role > ROLE_VISITOR;
}

static int read_target(const struct element *invite, struct jid *to)
{
    const char *text = element_get(invite, "to");

    if (text == NULL || jid_parse(invite->arena, text, to) < 0 || to->local == NULL)
        return SITUATION_INVITE_BAD;
    return -1;
}

static int check(const struct room *room, const struct session *session, const struct element *x)
{
    size_t count = 0;
    struct jid to;

    if (!may_invite(room, session->occupant))
        return SITUATION_INVITE_FORBIDDEN;
    ELEMENT_FOREACH (invite, x) {
        if (!element_is(invite, NS_MUC_USER, "invite"))
            continue;
        if (++count > INVITES_MAX || read_target(invite, &to) >= 0)
            return SITUATION_INVITE_BAD;
    }
    return -1;
}

static void send(struct turn *turn, struct stanza *message, const struct jid *to)
{
    note_send_take(turn, message, &to, 1);
}

static void invite_all(struct turn *turn, struct session *session, const struct element *x)
{
    struct room *room = turn->room;
    struct jid to;

    ELEMENT_FOREACH (invite, x) {
        if (!element_is(invite, NS_MUC_USER, "invite") || read_target(invite, &to) >= 0)
            continue;
        if (room_is(room, OPTION_MEMBERS_ONLY) && room_affiliation(room, &to) == AFFILIATION_NONE &&
            !affiliation_is_full(room, to.bare))
            affiliation_set(turn, &to, AFFILIATION_MEMBER, session->occupant->nick, NULL);
        send(turn, invitation(room, session->jid->full, invite), &to);
    }
}

void invite_member(struct turn *turn, const struct jid *to, const char *from, const char *reason)
{
    struct arena *arena = arena_new();
    struct element *invite = element_new(arena, NS_MUC_USER, "invite");

    if (reason)
        element_add_with_text(invite, NS_MUC_USER, "reason", reason);
    send(turn, invitation(turn->room, from, invite), to);
    arena_free(arena);
}

static void invite(struct turn *turn, struct session *session, const struct element *x)
{
    int problem = check(turn->room, session, x);

    if (problem >= 0)
        turn_refuse(turn, (enum situation)problem);
    else if (!rate_allows(turn->room, session->occupant))
        turn_refuse(turn, SITUATION_MESSAGE_TOO_FAST);
    else
        invite_all(turn, session, x);
}

/* From somebody who is in no room: it goes to who invited, if he is there. */
static void decline(struct turn *turn, const struct stanza *stanza, const struct element *decline)
{
    const struct room *room = turn->room;
    const char *text = element_get(decline, "to");
    struct stanza *message;
    struct element *copy;
    struct jid to;

    if (text == NULL || jid_parse(decline->arena, text, &to) < 0) {
        turn_refuse(turn, SITUATION_INVITE_BAD);
        return;
    }
    if (room_affiliation(room, &stanza->from) == AFFILIATION_OUTCAST ||
        !room_occupant_of(room, &to)) /* §7.8.2: nobody here has invited anybody */
        return;
    message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    stanza_set_from(message, room->jid);
    copy = element_add_copy(element_add(message->root, NS_MUC_USER, "x"), decline);
    element_set(copy, "to", NULL);
    element_set(copy, "from", stanza->from.bare);
    send(turn, message, &to);
}

static bool take(struct turn *turn, struct session *session, struct stanza *stanza)
{
    const struct element *x = element_find(stanza->root, NS_MUC_USER, "x");
    const struct element *declined = x ? element_find(x, NS_MUC_USER, "decline") : NULL;

    if (stanza->type == MESSAGE_GROUPCHAT || x == NULL)
        return false;
    if (declined) {
        decline(turn, stanza, declined);
        return true;
    }
    if (session == NULL || element_find(x, NS_MUC_USER, "invite") == NULL)
        return false;
    invite(turn, session, x);
    return true;
}

const struct muc_module invite_module = {.name = "invite", .message = take};
