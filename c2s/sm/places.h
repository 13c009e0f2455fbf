/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where accounts of the network have their home (c2s/directory), asked so that order is kept: who
 * asks for an address that is being looked up waits behind those who have asked before.
 */
#pragma once

#include "c2s/directory/directory.h"
#include "c2s/sm/sm.h"

/* The strings of the place are valid during the call. */
typedef void places_found(struct sm *sm, const struct directory_place *place, void *user);

bool places_is_account(const struct sm *sm, const struct jid *jid);
/* Whether it may have its home elsewhere: an account under the domain of the network, or a service
 * below that, with all addresses it has. */
bool places_is_networked(const struct sm *sm, const struct jid *jid);
/* What is known at once, if nobody waits for it. */
bool places_look(struct sm *sm, const struct jid *jid, struct directory_place *place);
/* found() is called exactly once, inside the call if it is known. If too much waits already, and at
 * the end, it is told that the truth is not known now. */
void places_ask(struct sm *sm, const struct jid *jid, places_found *found, void *user);

extern const struct sm_module places_module;
