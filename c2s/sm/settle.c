/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Tickets of stanzas, in the order of their numbers.
 */
#include "c2s/sm/settle.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/table.h"

struct settle_ticket {
    struct settle *settle; /* NULL: not counted any more */
    uint32_t number;
    unsigned references;
    unsigned lane; /* 0: not on its way yet */
    struct settle_ticket *prev, *next;
};

void settle_init(struct settle *settle, void (*progress)(void *user), void *user)
{
    *settle = (struct settle){.progress = progress, .user = user};
}

static void disown(struct settle *settle)
{
    struct settle_ticket *ticket, *next;

    DL_FOREACH_SAFE (settle->open, ticket, next) {
        DL_DELETE(settle->open, ticket);
        ticket->settle = NULL;
    }
    settle_unhold(settle);
}

void settle_fini(struct settle *settle)
{
    disown(settle);
}

struct settle_ticket *settle_arrived(struct settle *settle)
{
    struct settle_ticket *ticket = xcalloc(1, sizeof(*ticket));

    ticket->settle = settle;
    ticket->number = ++settle->arrived;
    ticket->references = 1;
    DL_APPEND(settle->open, ticket);
    return ticket;
}

uint32_t settle_h(const struct settle *settle)
{
    return settle->open ? settle->open->number - 1 : settle->arrived;
}

void settle_reset(struct settle *settle, uint32_t h)
{
    disown(settle);
    settle->arrived = h;
}

struct settle_ticket *settle_ref(struct settle_ticket *ticket)
{
    if (ticket)
        ticket->references++;
    return ticket;
}

void settle_release(struct settle_ticket *ticket)
{
    struct settle *settle;

    if (!ticket || --ticket->references > 0)
        return;
    settle = ticket->settle;
    if (settle) {
        bool first = settle->open == ticket;

        DL_DELETE(settle->open, ticket);
        if (first)
            settle->progress(settle->user);
    }
    free(ticket);
}

void settle_hold(struct settle *settle)
{
    if (!settle->held)
        settle->held = settle_ref(settle->open);
}

void settle_unhold(struct settle *settle)
{
    struct settle_ticket *held = settle->held;

    settle->held = NULL;
    settle_release(held);
}

uint32_t settle_number(const struct settle_ticket *ticket)
{
    return ticket->number;
}

bool settle_go(struct settle_ticket *ticket, unsigned lane)
{
    const struct settle_ticket *before;

    if (!ticket || !ticket->settle)
        return false;
    ticket->lane = lane;
    if (ticket->settle->held)
        return false;
    before = ticket->settle->open;
    while (before != ticket && before->lane == lane)
        before = before->next;
    return before == ticket;
}

bool settle_before(const struct settle_ticket *ticket, uint32_t *number)
{
    bool any = ticket->settle && ticket->settle->open != ticket;

    if (any)
        *number = ticket->prev->number;
    return any;
}

struct settle *settle_of(const struct settle_ticket *ticket)
{
    return ticket->settle;
}
