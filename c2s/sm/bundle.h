/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence for many accounts of one node crosses the link once: what one turn of the loop says in
 * the same words is one envelope with a list of recipients (docs/NETWORK.md).
 */
#pragma once

#include "c2s/sm/places.h"
#include "c2s/sm/sm.h"

/* Sends presence of an account of ours to that place, at the latest when the loop turns. Borrowed;
 * it must not be changed afterwards. */
void bundle_add(struct sm *sm, struct stanza *presence, const struct directory_place *place);
/* Sends what waits for this node now, because something is to go there behind it. */
void bundle_flush(struct sm *sm, const char *host);

extern const struct sm_module bundle_module;
