/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence to a room: entering, changing nickname and availability, leaving (XEP-0045 §§7.2, 7.6,
 * 7.7, 7.14 and 10.1).
 */
#pragma once

#include "muc/presence.h"

/* Available or unavailable. */
void enter_take(struct turn *turn, struct stanza *presence);
/* A room that there was not, with that owner, who need not be in it. */
void enter_make_room(struct turn *turn, const struct jid *creator, bool locked);
/* The session leaves, for what reason the news say (gone is set); with the last one of a nickname
 * all others are told. The room may go with it (leave_check()). */
void leave(struct turn *turn, struct session *session, struct news *news);
/* All sessions of the occupant. */
void leave_all(struct turn *turn, struct occupant *occupant, struct news *news);
/* A room that is not persistent ends with its last occupant. */
void leave_check(struct turn *turn);
/* Everybody leaves, and there is no such room any more (§10.9). destroy: NULL: <destroy/> alone. */
void room_destroy(struct turn *turn, const struct element *destroy);
/* Whether somebody of this affiliation may come in under this nick, with the password in <x/>;
 * -1, or why not. */
int enter_problem(const struct room *room, const struct jid *jid, const char *nick,
                  const struct element *x);
/* §17.1.1: no blank nicknames. */
bool nick_is_good(const char *nick);
