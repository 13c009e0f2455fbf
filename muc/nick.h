/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Changing nickname (XEP-0045 §7.6).
 */
#pragma once

#include "muc/turn.h"

void nick_change(struct turn *turn, struct session *session, struct stanza *presence);
