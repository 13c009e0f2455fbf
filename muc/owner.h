/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The configuration of a room: owner.c has the requests, configure.c what a form changes.
 */
#pragma once

#include "muc/turn.h"

#define NS_ROOM_CONFIG NS_MUC "#roomconfig"
#define FIELD_ADMINS   "muc#roomconfig_roomadmins"
#define FIELD_OWNERS   "muc#roomconfig_roomowners"

/* Tells everybody in the room what has changed (§10.2.1): status codes. */
void configure_tell(struct turn *turn, const int *codes, size_t count);
/* A submitted form of an owner: all of it, or none. */
void configure(struct turn *turn, const struct element *form);
