/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Leaving, willingly or not, and the end of rooms.
 */
#include "muc/creators.h"
#include "muc/enter.h"

#include "muc/store.h"

void leave(struct turn *turn, struct session *session, struct news *news)
{
    struct occupant *occupant = session->occupant;
    bool last = occupant->sessions->next == NULL, first = occupant->sessions == session;

    news->gone = true;
    if (last)
        presence_tell(turn, occupant, news, session);
    else
        presence_tell_self(turn, session, news);
    store_session_gone(turn, session->jid->full);
    room_remove_session(turn->room, session);
    if (!last && first) { /* the next one is seen from now on */
        const struct news next = {.presence = occupant->sessions->presence};

        presence_tell(turn, occupant, &next, NULL);
    }
}

void leave_all(struct turn *turn, struct occupant *occupant, struct news *news)
{
    struct room *room = turn->room;

    news->gone = true;
    presence_tell(turn, occupant, news, NULL);
    for (bool more = true; more;) {
        struct session *session = occupant->sessions;

        more = session->next != NULL;
        store_session_gone(turn, session->jid->full);
        room_remove_session(room, session);
    }
}

/* There is no such room any more. */
static void end(struct turn *turn)
{
    creators_remove(turn->muc, turn->room->creator);
    store_destroy(turn);
    room_empty(turn->room);
}

void leave_check(struct turn *turn)
{
    struct room *room = turn->room;

    if (room->exists && !room->sessions && (room->locked || !room_is(room, OPTION_PERSISTENT)))
        end(turn);
}

/* §10.9: each is told of itself alone. */
void room_destroy(struct turn *turn, const struct element *destroy)
{
    struct room *room = turn->room;
    struct arena *arena = arena_new();
    struct news news = {.gone = true};
    const struct session *session;

    news.destroy = destroy ? destroy : element_new(arena, NS_MUC_USER, "destroy");
    for (session = room->sessions; session; session = session->hh.next)
        presence_tell_self(turn, session, &news);
    end(turn);
    arena_free(arena);
}
