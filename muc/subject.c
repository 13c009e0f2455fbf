/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Subjects.
 */
#include "muc/subject.h"

#include "common/base/clock.h"
#include "common/xmpp/namespaces.h"
#include "muc/message.h"
#include "muc/store.h"

bool subject_is_change(const struct stanza *stanza)
{
    return element_find(stanza->root, NS_CLIENT, "subject") &&
           !element_find(stanza->root, NS_CLIENT, "body") &&
           !element_find(stanza->root, NS_CLIENT, "thread");
}

const char *subject_text(const struct room *room)
{
    const char *text =
        room->subject ? element_child_text(room->subject->root, NS_CLIENT, "subject") : NULL;

    return text ? text : "";
}

/* With the time in it: what newcomers get. */
static void set_subject(struct turn *turn, const struct stanza *stanza)
{
    struct room *room = turn->room;

    stanza_unref(room->subject);
    room->subject = stanza_copy(stanza);
    stanza_set_to(room->subject, NULL);
    stanza_delay(room->subject, room, clock_wall_us());
    store_subject(turn);
}

void subject_change(struct turn *turn, struct session *session, struct stanza *stanza)
{
    const struct occupant *occupant = session->occupant;
    struct stanza *reflected;

    if (occupant->role < ROLE_PARTICIPANT ||
        (occupant->role < ROLE_MODERATOR && !room_is(turn->room, OPTION_CHANGE_SUBJECT))) {
        turn_refuse(turn, SITUATION_SUBJECT_FORBIDDEN);
        return;
    }
    if (!message_may_take(turn, session, stanza))
        return;
    reflected = stanza_copy(stanza);
    stanza_set_from(reflected, occupant->jid);
    set_subject(turn, room_accept_take(turn, occupant, reflected, true)->stanza);
}

void subject_send(struct turn *turn, const struct session *session)
{
    const struct room *room = turn->room;
    struct stanza *stanza;

    if (room->subject) {
        stanza = stanza_copy(room->subject);
    } else {
        stanza = stanza_new(STANZA_MESSAGE, MESSAGE_GROUPCHAT);
        stanza_set_from(stanza, room->jid);
        element_add(stanza->root, NS_CLIENT, "subject");
    }
    stanza_set_to(stanza, session->jid);
    turn_send_take(turn, stanza);
}
