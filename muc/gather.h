/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the other homes of a network have of the list of rooms (docs/NETWORK.md, "Shared services"):
 * kontalk-c2s asks them.
 */
#pragma once

#include "common/xmpp/rsm.h"
#include "muc/turn.h"

/* The turn waits; `done` goes on with it. page: as in room_page.h, valid during the call; NULL:
 * nobody has answered in time. Later than this call, or never if the turn is dropped. */
void gather(struct turn *turn, const struct rsm *wish,
            void (*done)(struct turn *turn, const struct element *page));
/* An answer to such a question. */
bool gather_answered(struct muc *muc, const struct stanza *stanza);
void gather_tick(struct muc *muc);
/* When no turn is left. */
void gather_stop(struct muc *muc);
