/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What accounts of ours have sent to other domains, or to accounts in other slots by way of the
 * router, and nobody else answers for yet: messages and subscription stanzas. Messages are in the
 * table `outbox` (outbox_rows.h), and those of the slots of this worker in memory, too. Each is
 * offered (urn:kontalk:durable:1, docs/ROUTER.md) until it is taken, again with back-off, in order
 * for each pair of domains; its sender gets an error when it expires, or when the other side says
 * that it never will be taken.
 */
#pragma once

#include "c2s/sm/outbox_rows.h"
#include "c2s/sm/sm.h"

/* Whether the stanza, which is for another domain, goes this way. */
bool outbox_is_for(const struct sm *sm, const struct stanza *stanza);
/* ERR_LIMIT: too many wait for this domain, or from this sender. Borrowed; it must not be changed
 * afterwards. */
MUST_CHECK int outbox_add(struct sm *sm, struct stanza *stanza);

/* Whether one more like this may be put into it. */
bool outbox_has_room(struct sm *sm, const struct stanza *stanza);
/* It is committed, and as old as this. Borrowed, as above. old: read from the table, where it may
 * have been before others that are here already. */
void outbox_put(struct sm *sm, const struct outbox_row *row, struct stanza *stanza, int64_t age_ms,
                bool old);
/* The slot is another worker's. */
void outbox_drop(struct sm *sm, unsigned slot);
void outbox_slots_changed(struct sm *sm);

/* What c2s tells (plugin.h). */
void outbox_answered(struct sm *sm, const struct durable *answer);
void outbox_full(struct sm *sm, const char *id);
void outbox_reachable(struct sm *sm, enum c2s_reach how, const char *name);
