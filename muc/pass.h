/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas for rooms of other homes, and from there (home.h): they pass between kontalk-muc and the
 * session manager in messages with <forwarded/> (c2s/sm/shared.h).
 */
#pragma once

#include "muc/room.h"

/* A stanza for a room whose home is elsewhere; an offer is answered when its home has. Borrowed. */
void pass_on(struct room *room, struct stanza *stanza);
/* From the session manager: what is in the message, to be taken as if it had come by itself, or
 * NULL: it was nothing for us. False: it is no such message. Borrowed. */
bool pass_opens(struct muc *muc, const struct stanza *message, struct stanza **stanza);
/* The session manager that has this room, in arena. */
struct jid pass_address(struct arena *arena, const struct muc *muc, const char *local);
