/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The table `outbox`: what the outbox of a slot has, whoever owns the slot.
 */
#pragma once

#include "c2s/sm/sm.h"

struct outbox_row {
    int64_t owner, seq;
    unsigned slot;
};

struct outbox_rows;

struct outbox_rows *outbox_rows_new(struct sm *sm);
/* What was not written is not forgotten by whoever took it either. */
void outbox_rows_free(struct outbox_rows *rows);

/* Adds the row to the unit that writes what the stanza follows from. */
void outbox_rows_add_alone(struct sm_unit *unit, const struct account *sender, int64_t seq,
                           const struct stanza *stanza, const char *text);
/* The same behind the row of `message` with this number: only if that has been written. */
void outbox_rows_add(struct sm_unit *unit, const struct account *sender, int64_t seq,
                     const struct stanza *stanza, const char *text);
/* Nobody needs the row any more. It is deleted behind, and then whoever took it may forget it:
 * `forget` is what he is told, or NULL. */
void outbox_rows_done(struct outbox_rows *rows, const struct outbox_row *row,
                      const struct durable *forget);
/* Whether the row of this id, of an account of ours, may still be in the table, although nothing is
 * known of it here: it will be read, or deleted. */
bool outbox_rows_may_have(const struct outbox_rows *rows, const char *bare, const char *id);
/* What others have left in the slot has been read, all of it. */
bool outbox_rows_are_read(const struct outbox_rows *rows, unsigned slot);
/* Now and then: deletes. */
void outbox_rows_flush(struct outbox_rows *rows);

/* Slots were won or lost: reads what others have left in the new ones, with
 * outbox_put_old() for each row; and calls outbox_drop() for those lost. */
void outbox_rows_slots_changed(struct outbox_rows *rows);
