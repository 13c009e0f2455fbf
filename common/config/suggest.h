/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Did you mean": the nearest of several words, by edit distance.
 */
#pragma once

#include <stddef.h>

struct suggestion {
    const char *word;
    const char *best; /* NULL: nothing is near enough */
    size_t distance;
};

struct suggestion suggestion_for(const char *word);
/* Keeps the candidate (which it borrows) if it is the nearest so far. */
void suggestion_consider(struct suggestion *suggestion, const char *candidate);
