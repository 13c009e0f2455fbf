/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which home of the network a room has, where the nodes of that serve the domain together ([node]
 * shared-service, docs/NETWORK.md). kontalk-c2s knows it, is asked before a room is used, claims
 * the name before one is made, and gives it back when one is not there any more. Meanwhile the
 * stanzas of the room wait. What is for a room of another home is handed to the session manager
 * (pass.h).
 */
#pragma once

#include "muc/room.h"

struct homes;

void homes_start(struct muc *muc);
void homes_stop(struct muc *muc);
void homes_tick(struct muc *muc);
/* This route has come: who was asked there before has forgotten it. */
void homes_route(struct muc *muc, const char *name);

/* It has been read from the database, or is known for too long: room_ready() comes later. False:
 * there is nothing to ask. */
bool home_ask(struct room *room);
/* It does not exist, and its name may be ours: it is given back. True: room_ready() comes later. */
bool home_release(struct room *room);
/* Nobody waits for an answer any more. */
void home_forget(struct room *room);
/* What is not to be done with the room here, or not yet: it was passed on, refused, or waits.
 * Borrowed. */
bool home_takes(struct room *room, struct stanza *stanza);
/* An answer to a question of ours. */
bool homes_answered(struct muc *muc, const struct stanza *stanza);
