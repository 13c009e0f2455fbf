/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A room that the administrator makes (`kontalkctl room claim`), with an owner who need not be
 * there: also one whose home in the network is lost for ever (docs/ROOMS.md, "In a network"); and
 * one that he ends (`kontalkctl room destroy`) or gives to somebody (`room owner`). What he wants
 * is an iq as if it had come for the room, so it waits for database and directory as anything else;
 * nobody outside can write it.
 */
#pragma once

#include "muc/turn.h"

/* Of the control socket. */
void founding_begin(struct muc *muc, struct control_request *request, const char *room,
                    const char *owner);
/* The same; everybody who is in the room is told the reason, which may be NULL. */
void founding_destroy(struct muc *muc, struct control_request *request, const char *room,
                      const char *reason);
/* The account becomes an owner of a room that there is. */
void founding_grant(struct muc *muc, struct control_request *request, const char *room,
                    const char *owner);
/* Whether it is to make one; else it is about one that there is. */
bool founding_makes(const struct stanza *stanza);
/* Whether this is one, and not any stanza that looks like it. */
bool founding_is(const struct muc *muc, const struct stanza *stanza);
/* What is said to who has asked; true: it was for him. Borrowed. */
bool founding_answered(struct muc *muc, const struct stanza *answer);
/* At the end: those that are open fail. */
void foundings_stop(struct muc *muc);
