/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Comparing what we have of another home with what that home has, name by name, without sending all
 * of it: of each range of names a digest goes there, and only where that is another one there the
 * names of the range come back. For `kontalkctl directory verify`.
 *
 *     <compare home after to digest/>   names with a hash above `after`, up to `to` (none: all)
 *     <compared/>                       the same
 *     <compared last><entry/>…</>       what there is in the range; `last`: only up to there
 */
#pragma once

#include "c2s/directory/core.h"

struct compare_ops {
    /* In the order of their hashes; `what` is for people. */
    void (*differs)(void *user, const char *jid, const char *what);
    /* Once, the last. status: ERR_UNAVAILABLE, ERR_TIMEOUT: its node is not reached, or does not
     * know these words; ERR_CANCELLED: we end; else of our database. entries: of ours. */
    void (*done)(void *user, int status, uint64_t entries);
};

/* A home of the document that another node serves. */
void directory_compare(struct directory *directory, const char *home, const struct compare_ops *ops,
                       void *user);
