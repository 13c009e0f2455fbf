/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Roles that outlive a visit (XEP-0045 §5.1): voice that a moderator has given or taken away. Else
 * whoever is to be silent would enter again and speak. Moderators are made for a visit; what
 * administrators and owners are comes with their affiliation.
 */
#pragma once

#include "muc/turn.h"

/* With which somebody comes in, instead of room_role_of(). */
enum role kept_role_of(const struct room *room, const struct jid *jid);
/* A moderator has given this one to the account. */
void kept_role_set(struct turn *turn, const struct jid *jid, enum role role);
/* It counts no more: of one account, or of all. */
void kept_role_drop(struct turn *turn, const char *bare);
void kept_role_drop_all(struct turn *turn);
