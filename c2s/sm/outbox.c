/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The outbox: what goes into it, and what is looked after now and then. Everything in it has a row
 * in the database (outbox_rows.c), from which it is read again.
 */
#include "c2s/sm/outbox.h"

#include <stdlib.h>

#include "c2s/sm/outbox_internal.h"
#include "common/base/clock.h"

/* Without an answer for so long it is offered again: the answer may have been lost. */
#define STALE_MS 180000
/* … from another home, whose workers come and go without being announced here. */
#define STALE_AWAY_MS 10000

static char *id_of(const struct stanza *stanza, const struct outbox_row *row)
{
    struct buffer id = {0};

    buffer_append_text(&id, stanza->from.bare);
    buffer_append_char(&id, '/');
    buffer_append_number(&id, (uint64_t)row->seq);
    return buffer_take(&id);
}

void outbox_put(struct sm *sm, const struct outbox_row *row, struct stanza *stanza, int64_t age_ms,
                bool old)
{
    char *id = id_of(stanza, row);
    struct parcel *parcel = outbox_find(sm->outbox, id);

    if (parcel) {
        free(id); /* it was written while the table was read */
        return;
    }
    parcel = outbox_add_take(sm->outbox, id, stanza, row, old);
    parcel->said_us = clock_wall_us() - age_ms * 1000;
    parcel->old = old;
    parcel->expires_ms -= MIN((uint64_t)MAX(age_ms, 0), sm->limits.outbox_expiry_ms);
    outbox_flow(sm->outbox, parcel->list);
}

void outbox_drop(struct sm *sm, unsigned slot)
{
    struct outbox *outbox = sm->outbox;
    struct parcel *parcel, *next;

    HASH_ITER (hh, outbox->parcels, parcel, next) {
        if (parcel->row.slot == slot)
            outbox_remove(outbox, parcel);
    }
}

void outbox_slots_changed(struct sm *sm)
{
    outbox_rows_slots_changed(sm->outbox->rows);
}

/* --- now and then --- */

static void expire(struct outbox *outbox, struct list *list, uint64_t now)
{
    while (list->parcels && !list->parcels->offered && list->parcels->expires_ms <= now)
        outbox_end(outbox, list->parcels, STANZA_REMOTE_SERVER_TIMEOUT, "wait",
                   list->problem ? list->problem : "the domain could not be reached");
}

static void ask_again(struct list *list, uint64_t now)
{
    uint64_t patience = list->away ? STALE_AWAY_MS : STALE_MS;

    if (!list->parcels || !list->parcels->offered || list->parcels->offered_ms + patience > now)
        return;
    outbox_start_over(list);
    list->failures = 1; /* the first alone */
}

static void on_tick(void *user)
{
    struct outbox *outbox = user;
    uint64_t now = clock_monotonic_ms();
    struct list *list, *next;

    outbox_rows_flush(outbox->rows);
    HASH_ITER (hh, outbox->lists, list, next) {
        ask_again(list, now);
        expire(outbox, list, now);
        outbox_flow(outbox, list);
        outbox_release_list(outbox, list);
    }
}

/* --- life --- */

static void start(struct sm *sm)
{
    struct outbox *outbox = xcalloc(1, sizeof(*outbox));

    outbox->sm = sm;
    outbox->rows = outbox_rows_new(sm);
    outbox->timer = timer_new(sm->loop, on_tick, outbox);
    timer_start(outbox->timer, OUTBOX_TICK_MS, OUTBOX_TICK_MS);
    sm->outbox = outbox;
}

static void stop(struct sm *sm)
{
    struct outbox *outbox = sm->outbox;
    struct parcel *parcel, *next;
    struct list *list, *next_list;

    HASH_ITER (hh, outbox->parcels, parcel, next) {
        outbox_remove(outbox, parcel);
    }
    HASH_ITER (hh, outbox->lists, list, next_list) {
        outbox_release_list(outbox, list);
    }
    timer_close(outbox->timer);
    outbox_rows_free(outbox->rows);
    free(outbox);
}

const struct sm_module outbox_module = {.name = "outbox", .start = start, .stop = stop};
