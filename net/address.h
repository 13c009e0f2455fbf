/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Addresses of node messages. Between nodes an account is named by its node, bob@beta.example.net,
 * so that every hop knows the way; at that node it is bob@example.net, whose slot the router knows.
 * What users see is inside, and is never rewritten.
 */
#pragma once

#include "common/xmpp/stanza.h"

/* Into one that other nodes understand: the network's domain becomes our host's. In `arena`. */
struct jid address_outward(struct arena *arena, const struct jid *jid, const char *host,
                           const char *domain);
/* Into one that our router understands: an account at our host becomes that of the network. */
struct jid address_inward(struct arena *arena, const struct jid *jid, const char *host,
                          const char *domain);
