/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How much of what a client has sent is settled (XEP-0198 §4, "handled"). Every stanza gets a
 * ticket with its number when it arrives; whoever still works on it keeps the ticket. h is the
 * length of the longest settled prefix: the number before the lowest open ticket.
 *
 * The queue of the account holds the ticket while the stanza waits and its job runs. sm_submit()
 * inside the job, or inside sm_done of a unit that has one, keeps it until that unit has been
 * answered. Other work that outlives the job takes it with settle_take() (session.h).
 *
 * Numbers are those of XEP-0198: they begin again at 0 behind 2^32 - 1. Pure: no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct settle_ticket;

struct settle {
    uint32_t arrived; /* the number of the last stanza */
    struct settle_ticket *open;
    struct settle_ticket *held; /* by settle_hold() */
    /* h has risen; called inside settle_release(). */
    void (*progress)(void *user);
    void *user;
};

void settle_init(struct settle *settle, void (*progress)(void *user), void *user);
/* Tickets that are still open count for nothing any more. */
void settle_fini(struct settle *settle);

/* The next stanza; its ticket, with one reference. */
struct settle_ticket *settle_arrived(struct settle *settle);
uint32_t settle_h(const struct settle *settle);
/* The numbers go on behind h; what is still open is not counted any more: its sender sends it
 * again. */
void settle_reset(struct settle *settle, uint32_t h);

/* h rises no more, and nobody knows it in advance (settle_go()), until settle_unhold(), a reset or
 * the end. Nothing if no stanza is open, or if it is held already. */
void settle_hold(struct settle *settle);
void settle_unhold(struct settle *settle);

/* NULL is allowed: a stanza that nobody counts. */
struct settle_ticket *settle_ref(struct settle_ticket *ticket);
void settle_release(struct settle_ticket *ticket);
uint32_t settle_number(const struct settle_ticket *ticket);
/* What settles it is on its way, in a lane (above 0) whose things end in their order. True if h is
 * its number then: whatever is before it is settled, or on its way in the same lane. NULL: false.
 */
bool settle_go(struct settle_ticket *ticket, unsigned lane);
/* The number of the one before it that is open, if there is one. */
bool settle_before(const struct settle_ticket *ticket, uint32_t *number);
/* Whose it is; NULL: nobody's any more. */
struct settle *settle_of(const struct settle_ticket *ticket);
