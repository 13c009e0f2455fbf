/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stringprep profiles by way of stringprep_4i(), with room for everything from the start: libidn's
 * functions for strings begin anew for every 50 characters that a text grows, which an attacker
 * can make last.
 */
#include "common/xmpp/profile.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <unistr.h>

#include "common/base/memory.h"

/* Preparation shortens a code point to a quarter at best (4-byte letters to ASCII); what is longer
 * than that could fit only by characters that are mapped to nothing. */
#define SHRINKS_BY 4

/* Consumes `prepared`. */
static char *terminate(uint8_t *prepared, size_t length, size_t max)
{
    if (!prepared || length == 0 || length > max) {
        free(prepared);
        return NULL;
    }
    prepared = xrealloc(prepared, length + 1);
    prepared[length] = '\0';
    return (char *)prepared;
}

char *profile_apply(const Stringprep_profile *profile, const char *text, size_t length, size_t max,
                    size_t *prepared_length)
{
    size_t room = SHRINKS_BY * max;
    size_t wide_length = room;
    uint32_t *wide;
    uint8_t *prepared = NULL;

    if (length > room)
        return NULL;
    wide = xmalloc(room * sizeof(*wide));
    *prepared_length = 0;
    if (u8_to_u32((const uint8_t *)text, length, wide, &wide_length) == wide &&
        stringprep_4i(wide, &wide_length, room, 0, profile) == STRINGPREP_OK)
        prepared = u32_to_u8(wide, wide_length, NULL, prepared_length);
    /* It may have been a password. */
    explicit_bzero(wide, room * sizeof(*wide));
    free(wide);
    return terminate(prepared, *prepared_length, max);
}
