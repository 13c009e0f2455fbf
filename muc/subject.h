/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The subject of a room (XEP-0045 §§7.2.15 and 8.1).
 */
#pragma once

#include "muc/turn.h"

/* A <subject/>, and nothing that is said. */
bool subject_is_change(const struct stanza *stanza);
void subject_change(struct turn *turn, struct session *session, struct stanza *stanza);
/* To a newcomer. */
void subject_send(struct turn *turn, const struct session *session);
/* Its text; "" if there is none. */
const char *subject_text(const struct room *room);
