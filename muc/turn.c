/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Turns: writing, then speaking, in order.
 */
#include "muc/turn.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/fault_point.h"
#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/service/follow.h"
#include "muc/fits.h"
#include "muc/mail.h"
#include "muc/store.h"
#include "muc/taker.h"

struct output {
    struct stanza *stanza;
    int64_t seq; /* of what is mailed; 0: it is not */
    struct stanza *undelivered;
    struct jid **to; /* to each of these; NULL: as it stands */
    size_t count;
    struct output *prev, *next;
};

static struct turn **order_of(struct turn *turn)
{
    return turn->room && !turn->aside ? &turn->room->turns : &turn->muc->turns;
}

struct turn *turn_begin(struct muc *muc, struct room *room, struct stanza *request)
{
    struct turn *turn = xcalloc(1, sizeof(*turn));

    turn->muc = muc;
    turn->room = room;
    turn->about = room ? room->id : 0;
    turn->request = request ? stanza_ref(request) : NULL;
    turn->taking = request ? taker_find(muc, request) : NULL;
    DL_APPEND(*order_of(turn), turn);
    return turn;
}

/* A room in memory can be destroyed, and made anew by somebody else, while a turn waits. */
static bool is_same_room(const struct turn *turn)
{
    return turn->room == NULL || turn->room->id == turn->about;
}

static void drop_outputs(struct turn *turn)
{
    struct output *output, *next;

    DL_FOREACH_SAFE (turn->outputs, output, next) {
        for (size_t i = 0; i < output->count; i++)
            free(output->to[i]);
        free(output->to);
        stanza_unref(output->stanza);
        stanza_unref(output->undelivered);
        free(output);
    }
    turn->outputs = NULL;
}

void turn_drop(struct turn *turn)
{
    DL_DELETE(*order_of(turn), turn);
    if (turn->aside)
        turn->room->aside--;
    drop_outputs(turn);
    db_cancel(turn->unit);
    stanza_unref(turn->request);
    if (turn->message)
        message_free(turn->message);
    free(turn);
}

/* --- what is said --- */

static struct output *add_output(struct turn *turn, struct stanza *stanza)
{
    struct output *output = xcalloc(1, sizeof(*output));

    output->stanza = stanza;
    DL_APPEND(turn->outputs, output);
    return output;
}

void turn_send_take(struct turn *turn, struct stanza *stanza)
{
    if (stanza)
        add_output(turn, stanza);
}

struct output *turn_send_to_take(struct turn *turn, struct stanza *stanza)
{
    struct output *output = add_output(turn, stanza);

    output->to = xcalloc(1, sizeof(*output->to));
    return output;
}

void output_add(struct output *output, const struct jid *to)
{
    if ((output->count & (output->count - 1)) == 0) /* doubles */
        output->to = xrealloc(output->to, (2 * output->count + 1) * sizeof(*output->to));
    output->to[output->count++] = jid_dup(to);
}

void output_post_take(struct output *output, int64_t seq, struct stanza *undelivered)
{
    output->seq = seq;
    output->undelivered = undelivered;
}

void turn_send_all_take(struct turn *turn, struct stanza *stanza)
{
    struct output *output = turn_send_to_take(turn, stanza);
    struct session *session;

    for (session = turn->room->sessions; session; session = session->hh.next)
        output_add(output, session->jid);
}

void turn_mail_take(struct turn *turn, struct stanza *stanza, int64_t seq)
{
    turn_send_all_take(turn, stanza);
    turn->outputs->prev->seq = turn->muc->mail ? seq : 0;
}

/* With the rule that it is by. */
static void follow_refused(const struct turn *turn, enum situation situation)
{
    char *rule = situation_describe(situation);

    FOLLOW(turn->request->root, "refused: %s", rule);
    free(rule);
}

void turn_refuse(struct turn *turn, enum situation situation)
{
    if (turn->request == NULL)
        return;
    if (FOLLOWED)
        follow_refused(turn, situation);
    if (situation_limit(situation))
        limit_reached(situation_limit(situation));
    turn_send_take(turn, situation_error(turn->request, situation));
}

struct stanza *turn_result(struct turn *turn)
{
    struct stanza *result = stanza_result(turn->request);

    turn_send_take(turn, result);
    return result;
}

/* For who follows what it comes from, which is for the room; each copy is followed by itself. */
static void follow_said(const struct turn *turn, const struct output *output)
{
    if (turn->request && output->to)
        FOLLOW(turn->request->root, "%s from %s goes to %zu sessions in the room",
               output->stanza->root->name, output->stanza->from.full, output->count);
}

/* It cannot be told, but that can. */
static void refuse_answer(const struct turn *turn, const struct output *output)
{
    bool answers = turn->request && output->stanza->type == IQ_RESULT;
    struct stanza *error =
        answers ? situation_error(turn->request, SITUATION_ANSWER_TOO_LARGE) : NULL;

    log_warn("muc_too_large", LOG_TEXT("room", turn->room ? turn->room->jid->bare : NULL),
             LOG_TEXT("from", output->stanza->from.full), LOG_TEXT("to", output->stanza->to.full));
    if (error)
        muc_send(turn->muc, error);
    stanza_unref(error);
}

static void say(struct turn *turn, struct output *output)
{
    struct muc *muc = turn->muc;

    follow_said(turn, output);
    if (output->seq && is_same_room(turn)) { /* else there is no row of it any more */
        const struct posting posting = {output->seq, output->stanza, output->undelivered};

        mail_post(muc, turn->room, &posting, (const struct jid *const *)output->to, output->count);
        return;
    }
    if (!stanza_fits(output->stanza)) {
        refuse_answer(turn, output);
        return;
    }
    if (output->to == NULL) {
        muc_send(muc, output->stanza);
        return;
    }
    for (size_t i = 0; i < output->count; i++) {
        stanza_set_to(output->stanza, output->to[i]);
        muc_send(muc, output->stanza);
    }
}

/* --- when --- */

/* What has become of it in the database. */
static void follow_written(const struct turn *turn)
{
    if (turn->request == NULL)
        return;
    if (turn->failed)
        FOLLOW(turn->request->root, "not done: the database does not answer, or too much waits%s",
               turn->taking ? ", it will be offered again" : "");
    else if (turn->known)
        FOLLOW(turn->request->root, "known already: taken before");
    else if (turn->message)
        FOLLOW(turn->request->root, "in the archive of %s as #%" PRId64, turn->room->jid->bare,
               turn->message->seq);
}

static void speak(struct turn *turn)
{
    struct output *output;

    follow_written(turn);
    if (turn->failed || turn->known) {
        drop_outputs(turn);
        if (turn->failed && !turn->taking) /* else it is offered again */
            turn_refuse(turn, SITUATION_DATABASE_AWAY);
    } else if (turn->message && is_same_room(turn)) {
        message_remember(turn->room, turn->message);
        turn->message = NULL;
    }
    DL_FOREACH (turn->outputs, output) {
        say(turn, output);
    }
    if (turn->taking) {
        taker_settled(turn->muc, turn->taking, turn->failed);
        FAULT_POINT_WRITTEN(muc_took);
    }
}

/* All of the front that may speak. What belongs to no order speaks alone. */
static void advance(struct turn *turn)
{
    struct room *room = turn->room;

    if (room == NULL || turn->aside) {
        speak(turn);
        turn_drop(turn);
    } else {
        while (room->turns && room->turns->written) {
            turn = room->turns;
            speak(turn);
            turn_drop(turn);
        }
    }
    if (room)
        room_settled(room);
}

static void on_committed(void *user, int status, const struct db_result *results, size_t count)
{
    struct turn *turn = user;

    turn->unit = NULL;
    turn->written = true;
    if (status < 0) {
        log_error("muc_not_written", LOG_TEXT("room", turn->room ? turn->room->jid->bare : NULL),
                  LOG_ERROR(status), LOG_TEXT("text", db_problem(turn->muc->db)));
        turn->failed = true;
        if (turn->room)
            turn->room->state = ROOM_FAILED;
    } else {
        if (turn->taken_at)
            turn->known = !store_was_first(turn, &results[turn->taken_at], count);
        FAULT_POINT(muc_committed);
        if (turn->committed && is_same_room(turn))
            turn->committed(turn, results, count);
    }
    if (status != ERR_CANCELLED)
        advance(turn);
}

struct db_unit *turn_unit(struct turn *turn)
{
    if (turn->unit == NULL) {
        turn->unit = db_unit_new(turn->muc->db, 0);
        db_unit_repeat(turn->unit);
    }
    turn->statements++;
    return turn->unit;
}

void turn_end(struct turn *turn)
{
    if (turn->reading)
        return;
    if (turn->unit) {
        turn->unit = db_submit(turn->unit, on_committed, turn);
        return;
    }
    turn->written = true;
    advance(turn);
}

void turn_fail(struct muc *muc, struct stanza *request)
{
    struct turn *turn = turn_begin(muc, NULL, request);

    turn->failed = true;
    turn_end(turn);
}

/* --- questions --- */

static void on_queried(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct turn *turn = user;

    turn->unit = NULL;
    if (status == ERR_CANCELLED)
        return;
    turn->reading = false;
    if (status < 0)
        turn->failed = true;
    else if (!is_same_room(turn))
        turn_refuse(turn, SITUATION_NO_ROOM);
    else
        turn->queried(turn, &results[0]);
    turn_end(turn);
}

void turn_query(struct turn *turn, const struct db_statement *statement,
                const struct db_value *values,
                void (*done)(struct turn *turn, const struct db_result *result), void *user)
{
    if (turn->room) {
        DL_DELETE(turn->room->turns, turn);
        turn->aside = true;
        turn->room->aside++;
        DL_APPEND(turn->muc->turns, turn);
    }
    turn->reading = true;
    turn->queried = done;
    turn->user = user;
    turn->unit = db_read(turn->muc->db, statement, values, on_queried, turn);
}
