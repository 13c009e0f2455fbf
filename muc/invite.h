/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Invitations that the room itself sends (XEP-0045 §9.5).
 */
#pragma once

#include "muc/turn.h"

/* That follow from one stanza, at most. */
#define INVITES_MAX 20

/* Who has become a member of a members-only room hears of it. from: who has made him one; the
 * reason may be NULL. */
void invite_member(struct turn *turn, const struct jid *to, const char *from, const char *reason);
