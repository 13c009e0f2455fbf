/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A visitor asks for voice, and moderators decide (XEP-0045 §§7.13 and 8.6).
 */
#include "common/xmpp/form.h"
#include "muc/affiliation.h"
#include "muc/kept_role.h"
#include "muc/modules.h"
#include "muc/rate.h"

#define NS_REQUEST NS_MUC "#request"

static struct stanza *question(const struct room *room, const struct session *asker)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct element *form = form_add(message->root, "form", NS_REQUEST);
    struct element *role;

    stanza_set_from(message, room->jid);
    element_add_with_text(form, NS_DATA_FORM, "title", "Voice request");
    element_add_with_text(form, NS_DATA_FORM, "instructions",
                          "To let this visitor speak, submit the form with allow.");
    role = form_add_field(form, "muc#role", "list-single", "participant");
    element_set(role, "label", "Requested role");
    element_add_with_text(element_add(role, NS_DATA_FORM, "option"), NS_DATA_FORM, "value",
                          "participant");
    form_add_field(form, "muc#jid", "jid-single", asker->jid->full);
    form_add_field(form, "muc#roomnick", "text-single", asker->occupant->nick);
    element_set(form_add_field(form, "muc#request_allow", "boolean", "false"), "label",
                "Let this visitor speak?");
    return message;
}

static void ask(struct turn *turn, struct session *session)
{
    const struct room *room = turn->room;
    const struct session *each;
    struct output *output;

    if (session->occupant->role != ROLE_VISITOR) /* it can speak */
        return;
    if (!rate_allows(room, session->occupant)) {
        turn_refuse(turn, SITUATION_MESSAGE_TOO_FAST);
        return;
    }
    output = turn_send_to_take(turn, question(room, session));
    for (each = room->sessions; each; each = each->hh.next)
        if (each->occupant->role == ROLE_MODERATOR)
            output_add(output, each->jid);
}

static void give(struct turn *turn, struct occupant *asker, const char *actor)
{
    kept_role_set(turn, asker->bare, ROLE_PARTICIPANT);
    role_set(turn, asker, ROLE_PARTICIPANT, actor, NULL);
}

static void decide(struct turn *turn, struct session *session, const struct element *form)
{
    const char *nick = form_get(form, "muc#roomnick"), *allow = form_get(form, "muc#request_allow");
    struct occupant *asker = nick ? room_occupant(turn->room, nick) : NULL;

    if (session->occupant->role != ROLE_MODERATOR)
        turn_refuse(turn, SITUATION_VOICE_APPROVAL_FORBIDDEN);
    else if (strcmp(allow, "true") != 0 && strcmp(allow, "1") != 0)
        return; /* the visitor stays one */
    else if (asker == NULL)
        turn_refuse(turn, SITUATION_ADMIN_NO_SUCH_NICK);
    else if (asker->role == ROLE_VISITOR)
        give(turn, asker, session->occupant->nick);
}

static bool take(struct turn *turn, struct session *session, struct stanza *stanza)
{
    const struct element *x = element_find(stanza->root, NS_DATA_FORM, "x");
    const struct element *form = x ? form_submitted(stanza->root, NS_REQUEST) : NULL;
    const char *type = form ? form_get(form, "FORM_TYPE") : NULL;
    const char *role = form ? form_get(form, "muc#role") : NULL;

    if (session == NULL || stanza->type == MESSAGE_GROUPCHAT || type == NULL)
        return false;
    if (form_get(form, "muc#request_allow"))
        decide(turn, session, form);
    else if (role && strcmp(role, "participant") == 0)
        ask(turn, session);
    else
        turn_refuse(turn, SITUATION_VOICE_REQUEST_BAD);
    return true;
}

static const char *const features[] = {NS_REQUEST, NULL};

const struct muc_module voice_module = {
    .name = "voice", .room_features = features, .message = take};
