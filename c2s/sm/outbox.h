/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What accounts of ours have sent to other domains and nobody else answers for yet: messages and
 * subscription stanzas. Each is offered (urn:kontalk:durable:1, docs/ROUTER.md) until it is taken,
 * again with back-off, in order for each pair of domains; its sender gets an error when it expires,
 * or when the other side says that it never will be taken.
 */
#pragma once

#include "c2s/sm/sm.h"

/* Whether the stanza, which is for another domain, goes this way. */
bool outbox_is_for(const struct sm *sm, const struct stanza *stanza);
/* ERR_LIMIT: too many wait for this domain, or from this sender. Borrowed; it must not be changed
 * afterwards. */
MUST_CHECK int outbox_add(struct sm *sm, struct stanza *stanza);

/* What c2s tells (plugin.h). */
void outbox_answered(struct sm *sm, const struct durable *answer);
void outbox_full(struct sm *sm, const char *id);
void outbox_reachable(struct sm *sm, enum c2s_reach how, const char *name);
