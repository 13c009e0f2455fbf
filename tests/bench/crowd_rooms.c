/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Clients in rooms (XEP-0045).
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "tests/bench/crowd_internal.h"

static char *room_name(const struct rooms *rooms, size_t member)
{
    return xasprintf("room%zu@%s", member / rooms->size, rooms->service);
}

/* Whoever comes first makes the room. */
static void enter_next(struct crowd *crowd)
{
    struct rooms *rooms = &crowd->rooms;
    char *room = room_name(rooms, rooms->inside);
    char *nick = xasprintf("n%zu", rooms->inside);

    session_enter(crowd->members[rooms->inside].session, room, nick);
    free(room);
    free(nick);
}

void crowd_entered(void *user)
{
    const struct member *member = user;
    struct crowd *crowd = member->crowd;
    struct rooms *rooms = &crowd->rooms;

    if (rooms->inside % rooms->size == 0 && !rooms->opening) {
        char *room = room_name(rooms, rooms->inside);

        rooms->opening = true;
        session_open_room(member->session, room);
        free(room);
        return;
    }
    rooms->opening = false;
    if (++rooms->inside == rooms->count)
        loop_stop(crowd->setup.loop);
    else
        enter_next(crowd);
}

int crowd_enter(struct crowd *crowd, const char *service, size_t count, size_t size)
{
    if (count == 0 || size == 0 || count > crowd->ready || crowd->rooms.inside) {
        fprintf(stderr, "load: there are only %zu clients, or they are in rooms\n", crowd->ready);
        return ERR_INVALID;
    }
    crowd->rooms = (struct rooms){.service = xstrdup(service), .size = size, .count = count};
    enter_next(crowd);
    return crowd_run(crowd);
}

static void say_next(struct crowd *crowd)
{
    struct rooms *rooms = &crowd->rooms;
    char *room = room_name(rooms, 0);

    session_say(crowd->members[rooms->next].session, room);
    rooms->next = (rooms->next + 1) % rooms->size;
    rooms->to_say--;
    free(room);
}

void crowd_heard(struct crowd *crowd)
{
    if (crowd->rooms.to_say > 0 && crowd->awaited % crowd->rooms.size == 0)
        say_next(crowd);
}

int crowd_say(struct crowd *crowd, size_t messages, size_t at_once)
{
    struct rooms *rooms = &crowd->rooms;

    if (rooms->inside < rooms->size || rooms->size == 0 || at_once == 0 || messages < at_once) {
        fprintf(stderr, "load: nobody is in a room, or there is nothing to say\n");
        return ERR_INVALID;
    }
    crowd->awaited = messages * rooms->size;
    rooms->to_say = messages;
    for (size_t i = 0; i < at_once; i++)
        say_next(crowd);
    return crowd_run(crowd);
}
