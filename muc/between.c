/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Between occupants.
 *
 * An iq is passed on under an id that names the session that asked, so that an answer finds its way
 * back though the one who answers knows an occupant only. The name tells nothing of the real JID.
 * Whoever makes up an id can only answer in the name of an occupant that he is.
 */
#include "muc/between.h"

#include "common/xmpp/namespaces.h"
#include "muc/message.h"
#include "muc/note.h"
#include "muc/rate.h"

#define NS_PING       "urn:xmpp:ping"
#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_VCARD      "vcard-temp"

static struct stanza *forwarded(const struct stanza *stanza, const struct occupant *from)
{
    struct stanza *copy = stanza_copy(stanza);

    stanza_set_from(copy, from->jid);
    return copy;
}

/* --- private messages --- */

static bool may_send(const struct room *room, const struct occupant *from,
                     const struct occupant *to)
{
    const char *who = room_text(room, OPTION_ALLOW_PM);

    if (strcmp(who, "anyone") == 0)
        return true;
    if (to->role == ROLE_MODERATOR && strcmp(who, "none") != 0)
        return true; /* moderators can always be asked */
    if (strcmp(who, "participants") == 0)
        return from->role >= ROLE_PARTICIPANT;
    return strcmp(who, "moderators") == 0 && from->role >= ROLE_MODERATOR;
}

/* §7.5: marked, so that carbons know what it is. */
static void mark(const struct room *room, struct stanza *message, const struct occupant *from)
{
    message_remove_forged(room, message);
    element_add(message->root, NS_MUC_USER, "x");
    element_set(element_add(message->root, NS_OCCUPANT_ID, "occupant-id"), "id", from->id);
}

static void deliver(struct turn *turn, const struct session *from, const struct occupant *to,
                    const struct stanza *stanza)
{
    struct stanza *copy = forwarded(stanza, from->occupant);
    const struct session *session;
    const struct jid **sessions;
    size_t count;

    mark(turn->room, copy, from->occupant);
    DL_COUNT(to->sessions, session, count);
    sessions = arena_alloc(copy->arena, count * sizeof(*sessions));
    count = 0;
    DL_FOREACH (to->sessions, session) {
        sessions[count++] = session->jid;
    }
    note_send_take(turn, copy, sessions, count);
}

void between_message(struct turn *turn, struct stanza *stanza)
{
    struct room *room = turn->room;
    const struct session *from = room_session(room, &stanza->from);
    const struct occupant *to = room_occupant(room, stanza->to.resource);

    if (!room->exists)
        turn_refuse(turn, SITUATION_NO_ROOM);
    else if (stanza->type == MESSAGE_GROUPCHAT)
        turn_refuse(turn, SITUATION_MESSAGE_TO_OCCUPANT);
    else if (from == NULL)
        turn_refuse(turn, SITUATION_NOT_OCCUPANT);
    else if (to == NULL)
        turn_refuse(turn, SITUATION_PRIVATE_NO_RECIPIENT);
    else if (!may_send(room, from->occupant, to))
        turn_refuse(turn, SITUATION_PRIVATE_FORBIDDEN);
    else if (message_is_too_large(turn->muc, stanza))
        turn_refuse(turn, SITUATION_MESSAGE_TOO_LARGE);
    else if (!rate_allows(room, from->occupant))
        turn_refuse(turn, SITUATION_MESSAGE_TOO_FAST);
    else
        deliver(turn, from, to, stanza);
}

/* --- iq --- */

static void set_way_back(struct stanza *request, const struct session *asker)
{
    element_set(request->root, "id",
                arena_printf(request->arena, "%s %s", asker->mark, stanza_id(request)));
}

/* Who asked, and its id, from that; NULL: it is none of ours. */
static const struct session *read_way_back(const struct room *room, struct stanza *reply)
{
    const char *id = stanza_id(reply), *space = strchr(id, ' ');
    const struct session *session = space ? room->sessions : NULL;

    for (; session; session = session->hh.next) {
        size_t length = strlen(session->mark);

        if (length == (size_t)(space - id) && strncmp(session->mark, id, length) == 0)
            break;
    }
    if (session)
        element_set(reply->root, "id", arena_strdup(reply->arena, space + 1));
    return session;
}

/* The account answers for what accounts have (XEP-0054 and others): there it goes to the bare JID.
 */
static void pass_on(struct turn *turn, const struct session *from, const struct occupant *to,
                    const struct stanza *stanza)
{
    struct stanza *copy = forwarded(stanza, from->occupant);
    const struct element *payload = stanza_payload(copy);

    set_way_back(copy, from);
    stanza_set_to(copy,
                  payload && strcmp(payload->ns, NS_VCARD) == 0 ? to->bare : to->sessions->jid);
    turn_send_take(turn, copy);
}

/* An account can be in the room under several nicknames; for its vCard it answers as a whole. */
static const struct occupant *who_answers(const struct room *room, const struct jid *from)
{
    const struct session *session = room_session(room, from);

    return session ? session->occupant : room_occupant_of(room, from);
}

/* RFC 6120 §8.3.2: who made an error; here that may be a server, or an account. */
static void hide_maker(struct stanza *reply)
{
    struct element *error = element_find(reply->root, NS_CLIENT, "error");

    if (error)
        element_set(error, "by", NULL);
}

static void pass_back(struct turn *turn, struct stanza *stanza)
{
    const struct occupant *from = who_answers(turn->room, &stanza->from);
    struct stanza *copy = stanza_copy(stanza);
    const struct session *to = from ? read_way_back(turn->room, copy) : NULL;

    if (to) {
        hide_maker(copy);
        stanza_set_from(copy, from->jid);
        stanza_set_to(copy, to->jid);
        turn_send_take(turn, stanza_ref(copy));
    }
    stanza_unref(copy);
}

static bool is_ping(const struct stanza *stanza)
{
    const struct element *payload = stanza_payload(stanza);

    return stanza->type == IQ_GET && payload && element_is(payload, NS_PING, "ping");
}

static void refuse_stranger(struct turn *turn, const struct stanza *stanza)
{
    const struct element *payload = stanza_payload(stanza);

    /* §6.6 */
    if (payload && strcmp(payload->ns, NS_DISCO_INFO) == 0)
        turn_refuse(turn, SITUATION_BAD);
    else
        turn_refuse(turn, SITUATION_IQ_NOT_OCCUPANT);
}

void between_iq(struct turn *turn, struct stanza *stanza)
{
    struct room *room = turn->room;
    const struct session *from = room_session(room, &stanza->from);
    const struct occupant *to = room_occupant(room, stanza->to.resource);

    if (stanza_is_reply(stanza))
        pass_back(turn, stanza);
    else if (from == NULL)
        refuse_stranger(turn, stanza);
    else if (to == NULL)
        turn_refuse(turn, SITUATION_NO_OCCUPANT);
    else if (to == from->occupant && is_ping(stanza)) /* XEP-0410 §3.3 */
        turn_result(turn);
    else
        pass_on(turn, from, to, stanza);
}
