/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is written of rooms. Each function adds statements to the unit of the turn (turn.h), behind
 * what was changed in memory; each may be repeated.
 */
#pragma once

#include "muc/mail.h"

/* The SHA-256 of a JID, as a parameter. */
#define STORE_HASH_SIZE 32
struct db_value store_hash(const char *jid, uint8_t place[STORE_HASH_SIZE]);

/* The room as it stands in memory. */
void store_room(struct turn *turn);
/* Everything of it. */
void store_destroy(struct turn *turn);
void store_option(struct turn *turn, enum option option);
/* As it stands in memory: what is not there is deleted. */
void store_affiliated(struct turn *turn, const char *bare);
void store_session(struct turn *turn, const struct session *session);
void store_session_gone(struct turn *turn, const char *full);
void store_message(struct turn *turn, const struct message *message);
/* recipients: JIDs, with line breaks between. */
void store_note(struct turn *turn, const struct posting *note, const char *recipients);
/* Of what came by an offer: the answer of the statement turn->taken_at. False: it is
 * stored already, and was not again. */
bool store_was_first(const struct turn *turn, const struct db_result *result, size_t count);
void store_subject(struct turn *turn);

/* Reads the room; room_loaded() comes later, unless the unit (room->loading) is cancelled. */
void store_load(struct room *room);
