/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The words of urn:kontalk:durable:1 (docs/ROUTER.md) on their way from here: to the router, or,
 * where both accounts are this worker's, by the short cut. That is the same conversation without
 * the router: an offer is in the queue of its account when the call returns, so that nothing that
 * is routed behind it overtakes it; answers come in the next turn of the loop.
 */
#pragma once

#include "c2s/sm/sm.h"

/* Offers the stanza; in an envelope if it is for another home (homes.h). ERR_NOT_FOUND: its home
 * has to be looked up first; ERR_LIMIT and others: nothing more can be offered now
 * (worker_offer()). */
MUST_CHECK int words_offer(struct sm *sm, const char *id, unsigned attempt, const char *after,
                           const struct stanza *stanza);
/* Offers the stanza to many at that node; *made: to the first so many of them. Errors as above; its
 * `to` is taken away. */
MUST_CHECK int words_offer_batch(struct sm *sm, const struct batch *batch, struct stanza *stanza,
                                 const char *host, size_t *made);
/* Says took, refused or forget to whoever is at `word->to`; to another node in its name for the
 * account here. */
void words_say(struct sm *sm, const struct durable *word);
