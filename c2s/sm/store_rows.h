/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The rows of a message: what store.c writes. In each, results[0] has a row if the message is
 * known already, and then nothing is written.
 */
#pragma once

#include "c2s/sm/store.h"

/* The sender's row alone, and that of the outbox if post->outboxed. Sets post->sent_seq, size. */
void store_rows_sent(struct sm_unit *unit, struct post *post, struct account *sender);
/* The recipient's row alone, and that of what was taken if post->offer. Sets post->seq, size. */
void store_rows_received(struct sm_unit *unit, struct post *post, struct account *account);
/* Asks whether the sender has it, under its number or as one that was known. results[0] has a row
 * then. */
void store_rows_find(struct post *post, db_callback *found);
/* Both, in the unit of the recipient; the sender joins it. */
void store_rows_both(struct sm_unit *unit, struct post *post, struct account *account,
                     struct account *sender);
