/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Messages that are taken back: by who said them (XEP-0424), by a moderator (XEP-0425). The
 * retraction is a message of the room like any other; what it is about becomes a tombstone.
 */
#pragma once

#include "muc/archive.h"

/* What is left of a message (archive_stanza()). */
struct stanza *retract_tombstone(struct room *room, const struct db_result *result, size_t row,
                                 int first);
