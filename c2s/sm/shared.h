/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Services that all nodes have together ([node] shared-service; rooms), and whose addresses have
 * homes one by one (docs/NETWORK.md). The component of this node gets what comes in by whatever
 * way. It asks where an address is, claims and releases it (lookup.c); what it does not have itself
 * it hands to the session manager, and what the session manager has from elsewhere for it, it is
 * handed: in a message with <forwarded/> (XEP-0297), since neither may write the addresses of
 * others (docs/ROUTER.md).
 *
 *   foreign server ─► s2s ─► component ─► <forwarded/> ─► SM ─► envelope ─► the address's home
 *                                                                 └─► SM ─► <forwarded/> ─►
 * component
 */
#pragma once

#include "c2s/sm/sm.h"

/* From the component: what it hands over, or what has not reached it. False: it is nothing of that.
 * offer: to be answered; NULL: it was not offered. Borrowed. */
bool shared_arrived(struct sm *sm, const struct durable *offer, struct stanza *message);
/* A service with one home has a component that is handed nothing, and the router takes nothing
 * foreign from us: who is not of the network does not reach it by way of another node. */
bool shared_is_unheard(struct sm *sm, const struct stanza *stanza);
/* To the component, as it stands if we may write its sender, else handed over. Borrowed. ERR_*. */
MUST_CHECK int shared_route(struct sm *sm, struct stanza *stanza);
/* The same as an offer; to another node if the address is there. */
MUST_CHECK int shared_offer(struct sm *sm, const struct durable *offer,
                            const struct stanza *stanza);
/* As sm_refuse(), of a stanza to such an address as well, in whose name only the component speaks.
 */
void shared_refuse(struct sm *sm, struct stanza *stanza, enum stanza_condition condition,
                   const char *text);
