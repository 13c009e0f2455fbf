/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Registering with a room (XEP-0045 §7.10): a nickname is reserved, and who had no affiliation
 * becomes a member.
 */
#include "common/xmpp/form.h"
#include "muc/affiliation.h"
#include "muc/enter.h"
#include "muc/modules.h"

#define NS_REGISTER     "jabber:iq:register"
#define NS_MUC_REGISTER NS_MUC "#register"
#define FIELD_NICK      "muc#register_roomnick"

/* A members-only room chooses its members itself. */
static int problem_of(const struct room *room, const struct jid *jid)
{
    enum affiliation affiliation = room_affiliation(room, jid);

    if (affiliation == AFFILIATION_OUTCAST)
        return SITUATION_REGISTER_BANNED;
    if (affiliation == AFFILIATION_NONE &&
        (!room_is(room, OPTION_ALLOW_REGISTER) || room_is(room, OPTION_MEMBERS_ONLY)))
        return SITUATION_REGISTER_NOT_ALLOWED;
    return -1;
}

static void tell_form(struct turn *turn)
{
    struct element *query = element_add(turn_result(turn)->root, NS_REGISTER, "query");
    struct element *form, *field;

    element_add_with_text(query, NS_REGISTER, "instructions",
                          "Choose the nickname that is to be yours in this room.");
    form = form_add(query, "form", NS_MUC_REGISTER);
    field = form_add_field(form, FIELD_NICK, "text-single", NULL);
    element_set(field, "label", "Nickname");
    element_add(field, NS_DATA_FORM, "required");
}

static void tell_registered(struct turn *turn, const char *nick)
{
    struct element *query = element_add(turn_result(turn)->root, NS_REGISTER, "query");

    element_add(query, NS_REGISTER, "registered");
    element_add_with_text(query, NS_REGISTER, "username", nick);
}

static void get(struct turn *turn, struct stanza *request, struct element *payload UNUSED)
{
    const struct affiliated *known = room_affiliated(turn->room, request->from.bare);
    int problem = problem_of(turn->room, &request->from);

    if (known && known->nick)
        tell_registered(turn, known->nick);
    else if (problem >= 0)
        turn_refuse(turn, (enum situation)problem);
    else
        tell_form(turn);
}

static void set_nick(struct turn *turn, const struct jid *jid, const char *nick)
{
    /* Who has an affiliation by his domain keeps that. */
    if (nick && room_affiliation(turn->room, jid) == AFFILIATION_NONE)
        affiliation_set(turn, jid, AFFILIATION_MEMBER, NULL, NULL);
    affiliation_reserve(turn, jid->bare, nick);
}

static void submit(struct turn *turn, const struct stanza *request, const struct element *form)
{
    struct room *room = turn->room;
    const char *given = form_get(form, FIELD_NICK), *nick = NULL;

    if (given == NULL || jid_prepare_resource(request->arena, given, &nick) < 0 ||
        !nick_is_good(nick)) {
        turn_refuse(turn, SITUATION_REGISTER_BAD);
        return;
    }
    if (room_nick_is_taken(room, nick, request->from.bare)) {
        turn_refuse(turn, SITUATION_REGISTER_NICK_TAKEN);
        return;
    }
    if (affiliation_is_full(room, request->from.bare)) {
        turn_refuse(turn, SITUATION_ADMIN_TOO_MANY);
        return;
    }
    set_nick(turn, &request->from, nick);
    turn_result(turn);
}

/* XEP-0077 §3.2: who was a member by that is none any more. */
static void remove_registration(struct turn *turn, const struct stanza *request)
{
    const struct affiliated *known = room_affiliated(turn->room, request->from.bare);

    if (known == NULL || known->nick == NULL) {
        turn_refuse(turn, SITUATION_REGISTER_NONE);
        return;
    }
    set_nick(turn, &request->from, NULL);
    if (room_affiliation(turn->room, &request->from) == AFFILIATION_MEMBER)
        affiliation_set(turn, &request->from, AFFILIATION_NONE, NULL, NULL);
    turn_result(turn);
    leave_check(turn);
}

static void set(struct turn *turn, struct stanza *request, struct element *payload)
{
    const struct element *form = form_submitted(payload, NS_MUC_REGISTER);
    int problem = problem_of(turn->room, &request->from);

    if (element_find(payload, NS_REGISTER, "remove"))
        remove_registration(turn, request);
    else if (problem >= 0)
        turn_refuse(turn, (enum situation)problem);
    else if (form)
        submit(turn, request, form);
    else if (form_is_cancelled(payload))
        turn_result(turn);
    else
        turn_refuse(turn, SITUATION_REGISTER_BAD);
}

static const struct iq_row rows[] = {
    {NS_REGISTER, "query", IQ_GET, PLACE_ROOM, true, get},
    {NS_REGISTER, "query", IQ_SET, PLACE_ROOM, true, set},
    {0},
};
static const char *const features[] = {NS_REGISTER, NULL};

const struct muc_module register_module = {
    .name = "register", .rows = rows, .room_features = features};
