/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Changing nickname (XEP-0045 §7.6), and who may create rooms.
 */
#pragma once

#include "muc/turn.h"

void nick_change(struct turn *turn, struct session *session, struct stanza *presence);
/* -1, or why this one may not create a room (§10.1.1). */
int creation_problem(const struct muc *muc, const struct jid *jid);
