/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * All rooms that there are in the database.
 */
#pragma once

#include "muc/muc.h"

/* Answers the request with a line for each, in its own time. */
void rooms_list(struct muc *muc, struct control_request *request);
