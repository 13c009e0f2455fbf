/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Nicknames that change.
 */
#include "muc/nick.h"

#include "muc/enter.h"
#include "muc/store.h"

/* The occupant, with all its sessions, gets another name. */
static void rename_occupant(struct turn *turn, struct session *session, struct stanza *presence)
{
    struct room *room = turn->room;
    struct occupant *occupant = session->occupant;
    struct news news = {.gone = true,
                        .nick = presence->to.resource,
                        .codes = {STATUS_NICK_CHANGED},
                        .own_id = stanza_id(presence)};
    struct session *each;

    presence_tell(turn, occupant, &news, NULL);
    room_rename(room, occupant, presence->to.resource);
    stanza_unref(session->presence);
    session->presence = presence_cleaned(presence);
    DL_FOREACH (occupant->sessions, each) {
        store_session(turn, each);
    }
    news = (struct news){.presence = occupant->sessions->presence, .own_id = stanza_id(presence)};
    presence_tell(turn, occupant, &news, NULL);
}

/* It joins another nickname of the same account. */
static void move_session(struct turn *turn, struct session *session, struct stanza *presence)
{
    struct room *room = turn->room;
    struct news news = {.nick = presence->to.resource,
                        .codes = {STATUS_NICK_CHANGED},
                        .own_id = stanza_id(presence)};
    struct jid *jid = jid_dup(session->jid);
    struct stanza *cleaned = presence_cleaned(presence);

    leave(turn, session, &news);
    session = room_add_session(room, jid, presence->to.resource, ROLE_NONE, cleaned);
    store_session(turn, session);
    news = (struct news){.presence = session->occupant->sessions->presence,
                         .own_id = stanza_id(presence)};
    presence_tell_self(turn, session, &news);
    stanza_unref(cleaned);
    free(jid);
}

void nick_change(struct turn *turn, struct session *session, struct stanza *presence)
{
    if (room_nick_is_taken(turn->room, presence->to.resource, session->jid->bare))
        turn_refuse(turn, SITUATION_NICK_CHANGE_TAKEN);
    else if (room_occupant(turn->room, presence->to.resource))
        move_session(turn, session, presence);
    else
        rename_occupant(turn, session, presence);
}
