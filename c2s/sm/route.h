/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas that come from the router, or come back.
 */
#pragma once

#include "c2s/sm/sm.h"

/* A stanza for one of our names. Borrowed. */
void sm_arrived(struct sm *sm, struct stanza *stanza);
/* A stanza the router did not take: its sender gets an error. Borrowed. */
void sm_undelivered(struct sm *sm, struct stanza *stanza);
/* Whether what is for this address stays inside this worker. */
bool route_is_short(struct sm *sm, const struct jid *to);
