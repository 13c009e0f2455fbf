/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Services of this node that answer for what they have taken (urn:kontalk:durable:1,
 * docs/ROUTER.md), such as rooms. Which these are the router says when they come; who has been one
 * stays one while it is away, so that what is for it waits.
 */
#pragma once

#include "c2s/sm/sm.h"

void services_note(struct sm *sm, const char *name);
/* Whether c2s answers for this message of a client until its recipient has it: what is kept
 * (content_is_kept()), and what is said in rooms of these services. */
bool services_keep(const struct sm *sm, const struct stanza *stanza);
