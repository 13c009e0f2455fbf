/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Answers to what a node has asked another domain in the name of the network (docs/NETWORK.md).
 * They are for `example.net/<number of the member>/<nonce>`, and may come in at any node.
 */
#pragma once

#include "c2s/sm/sm.h"

/* From the router. True: it was such an answer, come in here or passed on by another node, and has
 * gone on: to kontalk-s2s of this node, or to the member that has asked. Borrowed. */
bool returns_take(struct sm *sm, const struct stanza *stanza);
