/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ghosts (XEP-0045 §18.1.4): who cannot be reached any more leaves.
 */
#pragma once

#include "muc/turn.h"

/* This session cannot be reached any more. */
void bounce_session(struct muc *muc, const struct jid *room, const struct jid *full);
/* A message or presence of type error. */
void bounce_take(struct turn *turn, struct stanza *stanza);
