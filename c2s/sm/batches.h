/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers of one stanza to many accounts (docs/ROUTER.md, "Batches"), such as what a room says:
 * accounts of this worker get copies; those of other homes get it in one batch for each node. Each
 * is answered for by itself.
 */
#pragma once

#include "c2s/sm/sm.h"

/* The stanza is borrowed, and its `to` may be changed. */
void batches_offered(struct sm *sm, const struct batch *batch, struct stanza *stanza);
