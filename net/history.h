/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The documents that were in force, one file each below FILE.history. Who was away while the
 * keyholders changed needs all in between: each is signed by those whom the one before it names.
 */
#pragma once

#include "common/network/network.h"

/* `path`: of the document. Errors are logged. */
void history_keep(const char *path, const struct network *network);
/* The one with the lowest serial above `since`; ERR_NOT_FOUND. */
MUST_CHECK int history_after(const char *path, uint64_t since, struct network **network);
