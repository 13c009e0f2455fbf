/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What comes back.
 */
#include "muc/bounce.h"

#include "common/xmpp/namespaces.h"
#include "muc/enter.h"

static const enum stanza_condition delivery[] = {
    STANZA_GONE,
    STANZA_ITEM_NOT_FOUND,
    STANZA_RECIPIENT_UNAVAILABLE,
    STANZA_REDIRECT,
    STANZA_REMOTE_SERVER_NOT_FOUND,
    STANZA_REMOTE_SERVER_TIMEOUT,
    STANZA_SERVICE_UNAVAILABLE,
    STANZA_JID_MALFORMED,
};

static bool is_delivery_error(const struct stanza *stanza)
{
    const struct element *error = element_find(stanza->root, NS_CLIENT, "error");

    for (size_t i = 0; error && i < ARRAY_SIZE(delivery); i++)
        if (element_find(error, NS_STANZA_ERRORS, stanza_condition_name(delivery[i])))
            return true;
    return false;
}

/* s2s, c2s or another server is away for a while, or nodes of the network have lost each other; who
 * stays away is found by what is mailed to him (mail.h). */
static bool is_away(const struct muc *muc, const struct stanza *stanza)
{
    const struct element *error = element_find(stanza->root, NS_CLIENT, "error");

    return muc->mail && element_find(error, NS_STANZA_ERRORS,
                                     stanza_condition_name(STANZA_REMOTE_SERVER_TIMEOUT));
}

/* All sessions that this address stands for. */
static bool concerns(const struct session *session, const struct jid *from)
{
    return from->resource ? strcmp(session->jid->full, from->full) == 0
                          : strcmp(session->jid->bare, from->bare) == 0;
}

void bounce_session(struct muc *muc, const struct jid *jid, const struct jid *full)
{
    struct news news = {.codes = {STATUS_ERROR}};
    struct session *session;
    struct room *room;
    struct turn *turn;

    HASH_FIND_STR(muc->rooms, jid->local, room);
    session = room && room->state == ROOM_READY ? room_session(room, full) : NULL;
    if (session == NULL)
        return;
    turn = turn_begin(muc, room, NULL);
    leave(turn, session, &news);
    leave_check(turn);
    turn_end(turn);
}

void bounce_take(struct turn *turn, struct stanza *stanza)
{
    struct session *session, *next;
    bool any = false;

    if (!is_delivery_error(stanza) || is_away(turn->muc, stanza))
        return;
    HASH_ITER (hh, turn->room->sessions, session, next) {
        struct news news = {.codes = {STATUS_ERROR}};

        if (!concerns(session, &stanza->from))
            continue;
        leave(turn, session, &news);
        any = true;
    }
    if (any)
        leave_check(turn);
}
