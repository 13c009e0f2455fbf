/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * From one occupant to another: private messages (XEP-0045 §7.5) and iq (§17.4), with the sender's
 * address in the room in place of the real one. An iq to oneself is a self-ping (XEP-0410).
 */
#pragma once

#include "muc/turn.h"

void between_message(struct turn *turn, struct stanza *stanza);
void between_iq(struct turn *turn, struct stanza *stanza);
