/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The publish-subscribe service of a domain, pubsub.<domain> ([domain] pubsub): the same nodes as
 * those of accounts, behind an address without a local part. To the session manager it is an
 * account without sessions, roster or password; the worker that owns its slot binds its name. In a
 * network one home has it, which has claimed the name; so it is with services of components that a
 * node has for all of the network ([node] network-service).
 */
#pragma once

#include "c2s/sm/sm.h"

void services_start(struct sm *sm);
void services_stop(struct sm *sm);
/* Slots were won or lost. */
void services_slots_changed(struct sm *sm);
/* Whether this is a service of this worker, which has bound its name. */
bool service_is_here(const struct sm *sm, const struct jid *jid);
/* A stanza for a service of this worker. False: it is none. Borrowed. */
bool service_arrived(struct sm *sm, struct stanza *stanza);

/* Answers to disco#info and disco#items. */
void service_info(struct sm_request *request);
void service_items(struct sm_request *request);
/* For disco#items of a domain: the service of it, if there is one here. */
void service_announce(struct sm *sm, const char *domain, struct element *query);
