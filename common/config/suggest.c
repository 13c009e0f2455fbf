/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * "Did you mean": the nearest of several words, by edit distance (Levenshtein).
 */
#include "common/config/suggest.h"

#include <string.h>

#include "common/base/macros.h"

#define WORD_MAX 63

static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[WORD_MAX + 1];

    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(replaced, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

struct suggestion suggestion_for(const char *word)
{
    /* Beyond a third of the word it is another word; two slips are forgiven in any. */
    return (struct suggestion){.word = word, .distance = MAX(strlen(word) / 3, 2) + 1};
}

void suggestion_consider(struct suggestion *suggestion, const char *candidate)
{
    size_t length = strlen(suggestion->word), candidate_length = strlen(candidate);

    if (length > WORD_MAX || candidate_length > WORD_MAX) {
        return;
    }
    size_t distance = edit_distance(suggestion->word, length, candidate, candidate_length);
    /* Not a word of which nothing is left. */
    if (distance < suggestion->distance && distance < MIN(length, candidate_length)) {
        suggestion->best = candidate;
        suggestion->distance = distance;
    }
}
