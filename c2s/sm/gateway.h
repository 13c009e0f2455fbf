/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers of foreign stanzas that have come in at this node, for accounts whose home is elsewhere
 * (docs/NETWORK.md): they are offered on to the home, and what that answers is answered to s2s,
 * which keeps them until then. Nothing is stored here, and what is lost here is offered again.
 */
#pragma once

#include "c2s/sm/sm.h"

/* From the router, in no envelope. Borrowed. */
void gateway_offered(struct sm *sm, const struct durable *offer, struct stanza *stanza);
/* On to that node, or to the component behind that domain. Borrowed. */
void gateway_pass(struct sm *sm, const struct durable *offer, struct stanza *stanza,
                  const char *host);
/* The same to many. The stanza is borrowed, and its `to` may be changed. */
void gateway_pass_batch(struct sm *sm, const struct batch *batch, struct stanza *stanza,
                        const char *host);
/* Of what was offered on: true. */
bool gateway_answered(struct sm *sm, const struct durable *answer);
/* Whoever offered it here will not ask again; true: it was for elsewhere. */
bool gateway_forget(struct sm *sm, const struct durable *forget);

extern const struct sm_module gateway_module;
