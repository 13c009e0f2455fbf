/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Looking at all of the directory: whether every entry has a valid grant, and in which names what
 * we have of the other homes differs from what they have.
 */
#pragma once

#include "c2s/directory/core.h"
#include "common/service/control.h"

/* Answers the request, in its own time. */
void directory_verify(struct directory *directory, struct control_request *request);
/* With the names of the rooms that our home has (rooms.c). */
void directory_rooms(struct directory *directory, struct control_request *request);
