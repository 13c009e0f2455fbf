/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rooms in memory: how they come and go.
 */
#include "muc/room.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "muc/archive.h"
#include "muc/dispatch.h"
#include "muc/home.h"
#include "muc/message.h"
#include "muc/store.h"

/* Stanzas that wait until a room is loaded. */
#define WAITING_MAX 1000

static void drop_waiting(struct room *room, struct room_waiting *waiting)
{
    DL_DELETE(room->waiting, waiting);
    stanza_unref(waiting->stanza);
    free(waiting);
}

/* Turns that wait for nothing but the database end with it. */
static void drop_turns(struct room *room)
{
    struct turn *turn, *next;

    DL_FOREACH_SAFE (room->turns, turn, next) {
        turn_drop(turn);
    }
}

void room_empty(struct room *room)
{
    struct session *session, *next_session;
    struct affiliated *affiliated, *next_affiliated;

    HASH_ITER (hh, room->sessions, session, next_session) {
        room_remove_session(room, session);
    }
    HASH_ITER (hh, room->affiliations, affiliated, next_affiliated) {
        room_set_affiliated(room, affiliated->jid, AFFILIATION_NONE, NULL, NULL);
    }
    for (int i = 0; i < OPTIONS; i++) {
        free(room->options[i]);
        room->options[i] = NULL;
    }
    message_forget_all(room);
    stanza_unref(room->subject);
    room->subject = NULL;
    free(room->creator);
    archive_id_forget(room);
    MUC_MODULES(module)
    if (module->forget)
        module->forget(room);
    free(room->salt);
    room->creator = room->salt = NULL;
    room->exists = room->locked = false;
    room->id = room->seq = 0;
}

void room_free(struct room *room)
{
    struct room_waiting *waiting, *next;

    DL_FOREACH_SAFE (room->waiting, waiting, next) {
        drop_waiting(room, waiting);
    }
    drop_turns(room);
    db_cancel(room->loading);
    home_forget(room);
    room_empty(room);
    HASH_DEL(room->muc->rooms, room);
    free(room->jid);
    free(room);
}

struct room *room_get(struct muc *muc, const struct jid *jid)
{
    struct room *room;

    HASH_FIND_STR(muc->rooms, jid->local, room);
    if (room)
        return room;
    room = xcalloc(1, sizeof(*room));
    room->muc = muc;
    room->jid = jid_dup_with_resource(jid, NULL);
    room->state = ROOM_LOADING;
    HASH_ADD_KEYPTR(hh, muc->rooms, room->jid->local, strlen(room->jid->local), room);
    store_load(room);
    return room;
}

static bool is_unused(const struct room *room, uint64_t now)
{
    if (room->sessions || room->turns || room->aside || room->waiting || room->loading ||
        room->question)
        return false;
    return !room->exists || room->used_ms + room->muc->limits.idle_ms <= now;
}

void room_sweep(struct muc *muc, bool all)
{
    uint64_t now = clock_monotonic_ms();
    struct room *room, *next;

    HASH_ITER (hh, muc->rooms, room, next) {
        if (all || (is_unused(room, now) && !home_release(room)))
            room_free(room);
    }
}

static void refuse_waiting(struct room *room)
{
    while (room->waiting) {
        turn_fail(room->muc, room->waiting->stanza);
        drop_waiting(room, room->waiting);
    }
}

void room_loaded(struct room *room, int status)
{
    if (status < 0) {
        room->state = ROOM_FAILED; /* until somebody asks again */
        refuse_waiting(room);
        return;
    }
    if (!home_ask(room))
        room_ready(room);
}

void room_ready(struct room *room)
{
    room->state = ROOM_READY;
    while (room->waiting && room->state == ROOM_READY) {
        struct stanza *stanza = stanza_ref(room->waiting->stanza);

        drop_waiting(room, room->waiting);
        dispatch_room(room, stanza);
        stanza_unref(stanza);
    }
}

static void load_again(struct room *room)
{
    room_empty(room);
    room->state = ROOM_LOADING;
    store_load(room);
}

void room_settled(struct room *room)
{
    if (room->state == ROOM_FAILED && room->turns == NULL && room->aside == 0 && !room->loading &&
        !room->question)
        load_again(room);
}

bool room_wait(struct room *room, struct stanza *stanza, bool first)
{
    struct room_waiting *waiting;
    size_t count;

    DL_COUNT(room->waiting, waiting, count);
    if (count >= WAITING_MAX && !first)
        return false;
    waiting = xcalloc(1, sizeof(*waiting));
    waiting->stanza = stanza_ref(stanza);
    if (first)
        DL_PREPEND(room->waiting, waiting);
    else
        DL_APPEND(room->waiting, waiting);
    return true;
}

void room_take(struct room *room, struct stanza *stanza)
{
    room->used_ms = clock_monotonic_ms();
    if (room->state == ROOM_READY && !home_ask(room)) {
        dispatch_room(room, stanza);
        return;
    }
    if (!room_wait(room, stanza, false))
        turn_fail(room->muc, stanza);
    room_settled(room);
}

/* --- options --- */

const char *room_text(const struct room *room, enum option option)
{
    return room->options[option] ? room->options[option] : option_rows[option].preset;
}

bool room_is(const struct room *room, enum option option)
{
    return strcmp(room_text(room, option), "1") == 0;
}

uint64_t room_number(const struct room *room, enum option option)
{
    const char *text = room_text(room, option);

    return *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : UINT64_MAX;
}
