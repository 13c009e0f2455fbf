/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who deals with what comes.
 */
#include "muc/dispatch.h"

#include <string.h>

#include "common/service/follow.h"
#include "muc/between.h"
#include "muc/bounce.h"
#include "muc/enter.h"
#include "muc/gather.h"
#include "muc/home.h"
#include "muc/message.h"
#include "muc/pass.h"

/* --- iq --- */

static const struct iq_row *find_row(const struct stanza *request, enum place place)
{
    const struct element *payload = stanza_payload(request);

    MUC_MODULES(module)
    for (const struct iq_row *row = module->rows; payload && row && row->ns; row++)
        if (row->type == request->type && (row->places & (int)place) &&
            element_is(payload, row->ns, row->name))
            return row;
    return NULL;
}

static void answer_iq(struct turn *turn, struct stanza *request, enum place place)
{
    const struct iq_row *row = find_row(request, place);

    if (row == NULL)
        turn_refuse(turn,
                    turn->room && !turn->room->exists ? SITUATION_NO_ROOM : SITUATION_UNKNOWN);
    else if (row->needs_room && turn->room && !turn->room->exists)
        turn_refuse(turn, SITUATION_NO_ROOM);
    else
        row->handle(turn, request, stanza_payload(request));
}

/* --- rooms --- */

/* §§7.4 and 17.2: from somebody who is not in it. */
static void stranger_speaks(struct turn *turn)
{
    turn_refuse(turn, turn->room->exists ? SITUATION_NOT_OCCUPANT : SITUATION_NO_ROOM);
}

static void message_to_room(struct turn *turn, struct stanza *stanza)
{
    struct session *session = room_session(turn->room, &stanza->from);

    MUC_MODULES(module)
    if (module->message && turn->room->exists && module->message(turn, session, stanza))
        return;
    if (session == NULL)
        stranger_speaks(turn);
    else if (stanza->type == MESSAGE_GROUPCHAT)
        message_take(turn, session, stanza);
    else
        turn_refuse(turn, SITUATION_BAD);
}

static void take_message(struct turn *turn, struct stanza *stanza)
{
    if (stanza->to.resource)
        between_message(turn, stanza);
    else
        message_to_room(turn, stanza);
}

static void take_presence(struct turn *turn, struct stanza *stanza)
{
    if (stanza->type == PRESENCE_AVAILABLE || stanza->type == PRESENCE_UNAVAILABLE)
        enter_take(turn, stanza);
    else if (stanza->type == PRESENCE_SUBSCRIBE)
        turn_refuse(turn, SITUATION_UNKNOWN);
}

static void take_iq(struct turn *turn, struct stanza *stanza)
{
    if (stanza->to.resource)
        between_iq(turn, stanza);
    else if (!stanza_is_reply(stanza))
        answer_iq(turn, stanza, PLACE_ROOM);
}

void dispatch_room(struct room *room, struct stanza *stanza)
{
    struct turn *turn;

    if (home_takes(room, stanza))
        return;
    FOLLOW(stanza->root, "in the room %s%s", room->jid->bare,
           room->exists ? "" : ", which does not exist");
    /* What writes has to wait; who leaves may always leave. */
    if (muc_is_busy(room->muc) && stanza->type != PRESENCE_UNAVAILABLE &&
        !stanza_is_error(stanza)) {
        turn_fail(room->muc, stanza);
        return;
    }
    turn = turn_begin(room->muc, room, stanza);
    if (stanza_is_error(stanza) && stanza->kind != STANZA_IQ)
        bounce_take(turn, stanza);
    else if (stanza->kind == STANZA_MESSAGE)
        take_message(turn, stanza);
    else if (stanza->kind == STANZA_PRESENCE)
        take_presence(turn, stanza);
    else
        take_iq(turn, stanza);
    turn_end(turn);
}

/* --- all --- */

static void take_for_service(struct muc *muc, struct stanza *stanza)
{
    struct turn *turn;

    if (stanza_is_reply(stanza) || stanza->kind == STANZA_PRESENCE)
        return;
    turn = turn_begin(muc, NULL, stanza);
    if (stanza->kind == STANZA_IQ && stanza->to.resource == NULL)
        answer_iq(turn, stanza, PLACE_SERVICE);
    else
        turn_refuse(turn, SITUATION_UNKNOWN);
    turn_end(turn);
}

/* To whoever says who it is. A stanza without a sender would end the stream (XEP-0114), and the
 * address that is none cannot be the one of the error. */
static void refuse_malformed(struct muc *muc, const struct stanza *stanza, int problem)
{
    struct stanza *error = stanza->has_from && strcmp(stanza->from.domain, muc->domain) != 0
                               ? stanza_error(stanza, (enum stanza_condition)problem, NULL)
                               : NULL;
    struct jid service;

    FOLLOW(stanza->root, "refused: %s", stanza_condition_name((enum stanza_condition)problem));
    if (error && !stanza->has_to && jid_make(error->arena, NULL, muc->domain, NULL, &service) == 0)
        stanza_set_from(error, &service);
    if (error)
        muc_send(muc, error);
    stanza_unref(error);
}

void dispatch_take(struct muc *muc, struct stanza *stanza, int problem)
{
    struct stanza *inner;

    if (problem < 0 && pass_opens(muc, stanza, &inner)) {
        if (inner)
            dispatch_take(muc, inner, -1);
    } else if (problem >= 0 || !stanza->has_to || !stanza->has_from)
        refuse_malformed(muc, stanza, problem >= 0 ? problem : STANZA_BAD_REQUEST);
    else if (stanza->to.local == NULL) {
        if (!homes_answered(muc, stanza) && !gather_answered(muc, stanza))
            take_for_service(muc, stanza);
    } else {
        FOLLOW(stanza->root, "arrived");
        room_take(room_get(muc, &stanza->to), stanza);
    }
    stanza_unref(stanza);
}
