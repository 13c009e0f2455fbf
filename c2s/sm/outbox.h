/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What accounts of ours have sent and nobody else answers for yet: messages that are not stored
 * together with the recipient's row, and subscription stanzas. Each is a row of the table `outbox`
 * (outbox_rows.h), written with what it follows from, and in memory for the slots of this worker.
 * It is offered (urn:kontalk:durable:1, words.h) until it is taken, again with back-off, in order
 * for each pair of domains; its sender gets an error when it expires, or when the other side says
 * that it never will be taken.
 */
#pragma once

#include "c2s/sm/outbox_rows.h"
#include "c2s/sm/sm.h"

/* Whether one more like this may be put into it: not too many wait for its domain, or are its
 * sender's. */
bool outbox_has_room(struct sm *sm, const struct stanza *stanza);
/* Whether something that this account has sent to `to` before may be in it: what comes behind that
 * must not overtake it, although the recipient has come to this worker meanwhile. */
bool outbox_may_have(struct sm *sm, const struct account *sender, const struct stanza *stanza);
/* It is committed, and as old as this. Borrowed; it must not be changed afterwards. old: read from
 * the table, where it may have been before others that are here already. */
void outbox_put(struct sm *sm, const struct outbox_row *row, struct stanza *stanza, int64_t age_ms,
                bool old);
/* The slot is another worker's. */
void outbox_drop(struct sm *sm, unsigned slot);
void outbox_slots_changed(struct sm *sm);

/* How many wait in memory, and how many bytes they are. */
size_t outbox_count(const struct sm *sm, size_t *bytes);

/* What c2s tells (plugin.h). */
void outbox_answered(struct sm *sm, const struct durable *answer);
void outbox_full(struct sm *sm, const char *id);
void outbox_reachable(struct sm *sm, enum c2s_reach how, const char *name);
