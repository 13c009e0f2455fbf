/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The documents that were in force, one file each below FILE.history. Who was away while the
 * keyholders changed needs all in between: each is signed by those whom the one before it names.
 */
#pragma once

#include "common/io/loop.h"
#include "common/network/network.h"

/* `path`: of the document. Later, since the disk is waited for in a thread; errors are logged. */
void history_keep(struct loop *loop, const char *path, const struct network *network);
/* The one with the lowest serial above `since`; ERR_NOT_FOUND. */
MUST_CHECK int history_after(const char *path, uint64_t since, struct network **network);
