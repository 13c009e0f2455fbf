/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas of ours for several recipients of another domain, such as what a room says (XEP-0033):
 * over a stream where all this is known they go once, with each recipient as bcc. The domain is
 * asked by disco#info, and asked again after an hour, or when it has no stream any more.
 */
#pragma once

#include "common/component/batch.h"
#include "s2s/pair.h"
#include "s2s/server.h"

/* Both are consumed. */
void several_offered(struct server *server, const struct batch *batch, struct stanza *stanza);
/* Whether one is on its way that may still be refused. */
bool several_open(const struct pair *pair);
/* A stanza from outside: the answer to our question; or one that was for several is refused as a
 * whole, and goes to each by itself. */
bool several_answered(struct server *server, const struct stanza *stanza);
