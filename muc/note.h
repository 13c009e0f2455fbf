/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a room passes on to some only: private messages, invitations, and what comes back (XEP-0045
 * §§7.5 and 7.8). It is stored, in a table of its own and under a number of the room as its
 * messages are, until each of them has it (mail.h); it is in no archive.
 */
#pragma once

#include "muc/turn.h"

/* The stanza, which has `from`, goes to these; it is consumed. */
void note_send_take(struct turn *turn, struct stanza *stanza, const struct jid *const *to,
                    size_t count);
/* Read from the database: somebody may not have it. recipients: as it is stored; undelivered may be
 * NULL. */
void note_repost(struct room *room, int64_t seq, struct stanza *stanza, const char *recipients,
                 struct stanza *undelivered);
