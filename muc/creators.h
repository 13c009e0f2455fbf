/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who has created how many rooms that still exist ([muc] rooms-per-user), and who may create one.
 */
#pragma once

#include "muc/turn.h"

void creators_add(struct muc *muc, const char *bare, size_t count);
void creators_remove(struct muc *muc, const char *bare);
void creators_free(struct muc *muc);
/* -1, or why this one may not create a room (XEP-0045 §10.1.1). */
int creators_problem(const struct muc *muc, const struct jid *jid);
