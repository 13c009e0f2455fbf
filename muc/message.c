/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Groupchat: what is said in a room.
 */
#include "muc/message.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/service/follow.h"
#include "common/xmpp/namespaces.h"
#include "muc/archive.h"
#include "muc/rate.h"
#include "muc/store.h"
#include "muc/subject.h"

#define NS_HINTS "urn:xmpp:hints"
/* Of elements in a stanza; c2s takes 64. */
#define DEPTH_MAX     56
#define NS_CHATSTATES "http://jabber.org/protocol/chatstates"

/* --- one message --- */

struct message *message_new_take(struct stanza *stanza)
{
    struct message *message = xcalloc(1, sizeof(*message));

    message->arena = arena_new();
    message->stanza = stanza;
    if (stanza_id(stanza))
        message->id = arena_strdup(message->arena, stanza_id(stanza));
    return message;
}

static const char *copy(const struct message *message, const char *text)
{
    return text ? arena_strdup(message->arena, text) : NULL;
}

void message_name(struct message *message, const char *stanza_id, const char *nick,
                  const char *sender, const char *occupant_id)
{
    message->stanza_id = copy(message, stanza_id);
    message->nick = copy(message, nick);
    message->sender = copy(message, sender);
    message->occupant_id = copy(message, occupant_id);
}

void message_free(struct message *message)
{
    stanza_unref(message->stanza);
    arena_free(message->arena);
    free(message);
}

static void forget_oldest(struct room *room)
{
    struct message *message = room->history;

    DL_DELETE(room->history, message);
    room->history_count--;
    message_free(message);
}

void message_remember(struct room *room, struct message *message)
{
    DL_APPEND(room->history, message);
    if (++room->history_count > room->muc->limits.history)
        forget_oldest(room);
}

void message_forget_all(struct room *room)
{
    while (room->history)
        forget_oldest(room);
}

/* --- into the room --- */

/* XEP-0045 §7.5: that it is from an occupant, and nothing else. */
static bool is_mark(const struct element *element)
{
    return element_is(element, NS_MUC_USER, "x") && element_first(element) == NULL;
}

bool message_is_kept(const struct stanza *stanza)
{
    if (element_find(stanza->root, NS_HINTS, "no-store"))
        return false;
    if (element_find(stanza->root, NS_HINTS, "store"))
        return true;
    ELEMENT_FOREACH (child, stanza->root) {
        if (strcmp(child->ns, NS_CHATSTATES) != 0 && strcmp(child->ns, NS_HINTS) != 0 &&
            strcmp(child->ns, NS_SID) != 0 && strcmp(child->ns, NS_OCCUPANT_ID) != 0 &&
            !is_mark(child) && !element_is(child, NS_CLIENT, "thread"))
            return true;
    }
    return false;
}

/* Whether the attribute is the address of this room, in whatever form. */
static bool is_of_room(const struct room *room, const struct element *element, const char *name)
{
    const char *text = element_get(element, name);
    struct jid jid;

    return text && jid_parse(element->arena, text, &jid) == 0 &&
           strcmp(jid.bare, room->jid->bare) == 0;
}

/* What only rooms say; of ids and delays those that would be from this one (XEP-0359 §6, XEP-0203
 * §4). */
static bool is_forged(const struct room *room, const struct element *element)
{
    if (strcmp(element->ns, NS_MUC_USER) == 0 || strcmp(element->ns, NS_MUC) == 0 ||
        strcmp(element->ns, NS_OCCUPANT_ID) == 0)
        return true;
    if (element_is(element, NS_SID, "stanza-id"))
        return is_of_room(room, element, "by");
    return element_is(element, NS_DELAY, "delay") && is_of_room(room, element, "from");
}

void message_remove_forged(const struct room *room, struct stanza *stanza)
{
    struct element *next;

    for (struct element *child = element_first(stanza->root); child; child = next) {
        next = element_next(child);
        if (is_forged(room, child))
            element_remove(stanza->root, child);
    }
}

static void add_id(struct stanza *stanza, const char *ns, const char *name, const char *id,
                   const char *by)
{
    struct element *element = element_add(stanza->root, ns, name);

    element_set(element, "id", id);
    element_set(element, "by", by);
}

struct message *room_accept_take(struct turn *turn, const struct occupant *occupant,
                                 struct stanza *stanza, bool keep)
{
    struct room *room = turn->room;
    struct message *message = NULL;

    message_remove_forged(room, stanza);
    stanza_set_to(stanza, NULL);
    if (occupant)
        add_id(stanza, NS_OCCUPANT_ID, "occupant-id", occupant->id, NULL);
    if (keep) {
        char id[SEALED_ID_SIZE];

        archive_id(room, ++room->seq, id);
        add_id(stanza, NS_SID, "stanza-id", id, room->jid->bare);
        message = message_new_take(stanza_ref(stanza));
        message->seq = room->seq;
        message->said_us = clock_wall_us() / 1000 * 1000; /* as exact as it is told */
        message_name(message, id, occupant ? occupant->nick : NULL,
                     occupant ? occupant->bare->bare : NULL, occupant ? occupant->id : NULL);
        store_message(turn, message);
        turn->message = message;
        room->muc->messages++;
    }
    turn_mail_take(turn, stanza_copy(stanza), message ? message->seq : 0);
    stanza_unref(stanza);
    return message;
}

/* More would not fit around what is told of it, for example by an archive. */
static bool is_too_deep(const struct element *element, unsigned depth)
{
    ELEMENT_FOREACH (child, element) {
        if (depth >= DEPTH_MAX || is_too_deep(child, depth + 1))
            return true;
    }
    return false;
}

bool message_is_too_large(const struct muc *muc, const struct stanza *stanza)
{
    return is_too_deep(stanza->root, 1) || !element_fits(stanza->root, NS_CLIENT, muc->limits.size);
}

bool message_may_take(struct turn *turn, const struct session *session, const struct stanza *stanza)
{
    struct occupant *occupant = session->occupant;

    if (occupant->role < ROLE_PARTICIPANT)
        turn_refuse(turn, SITUATION_MESSAGE_NO_VOICE);
    else if (message_is_too_large(turn->muc, stanza))
        turn_refuse(turn, SITUATION_MESSAGE_TOO_LARGE);
    else if (!rate_allows(turn->room, occupant))
        turn_refuse(turn, SITUATION_MESSAGE_TOO_FAST);
    else
        return true;
    return false;
}

static const char *origin_id(const struct stanza *stanza)
{
    const struct element *origin = element_find(stanza->root, NS_SID, "origin-id");

    return origin ? element_get(origin, "id") : NULL;
}

static bool is_same(const struct message *message, const char *sender, const char *origin)
{
    const char *known = message ? origin_id(message->stanza) : NULL;

    return known && strcmp(known, origin) == 0 && message->sender &&
           strcmp(message->sender, sender) == 0;
}

/* A client that has not heard its message from the room says it again, under the same origin-id
 * (XEP-0359). The last ones are looked at, and those that are being written. */
static const struct message *said_before(const struct room *room, const char *sender,
                                         const struct stanza *stanza)
{
    const char *origin = origin_id(stanza);
    const struct message *message;
    const struct turn *turn;

    if (origin == NULL)
        return NULL;
    DL_FOREACH (room->turns, turn) {
        if (is_same(turn->message, sender, origin))
            return turn->message;
    }
    DL_FOREACH (room->history, message) {
        if (is_same(message, sender, origin))
            return message;
    }
    return NULL;
}

/* To who has missed it; it is stored and with the others. */
static void repeat(struct turn *turn, const struct session *session, const struct message *message)
{
    struct stanza *stanza = stanza_copy(message->stanza);

    stanza_set_to(stanza, session->jid);
    turn_send_take(turn, stanza);
}

static void accept(struct turn *turn, const struct session *session, const struct stanza *stanza,
                   bool keep)
{
    const struct message *before =
        keep ? said_before(turn->room, session->occupant->bare->bare, stanza) : NULL;
    struct stanza *reflected;

    if (before) {
        FOLLOW(stanza->root, "said before, as #%" PRId64 ": again to who says it", before->seq);
        repeat(turn, session, before);
        return;
    }
    if (!keep)
        FOLLOW(stanza->root, "not kept: it is only passed on");
    reflected = stanza_copy(stanza);
    stanza_set_from(reflected, session->occupant->jid);
    room_accept_take(turn, session->occupant, reflected, keep);
}

void message_keep(struct turn *turn, const struct session *session, const struct stanza *stanza)
{
    accept(turn, session, stanza, true);
}

void message_take(struct turn *turn, struct session *session, struct stanza *stanza)
{
    if (subject_is_change(stanza))
        subject_change(turn, session, stanza);
    else if (message_may_take(turn, session, stanza))
        accept(turn, session, stanza, message_is_kept(stanza));
}
