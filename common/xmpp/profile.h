/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stringprep (RFC 3454) profiles applied to text from the network, with unassigned code points
 * allowed.
 */
#pragma once

#include <stddef.h>

#include <stringprep.h>

/* The prepared text, NUL-terminated, to be released with free(); its length without the NUL. NULL
 * if the text is not UTF-8, the profile forbids it, nothing is left of it, or it is longer than
 * `max` bytes afterwards (or hopelessly long before). */
char *profile_apply(const Stringprep_profile *profile, const char *text, size_t length, size_t max,
                    size_t *prepared_length);
