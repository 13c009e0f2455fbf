/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a browser may do with a file of a stranger, and what its name may be. No I/O.
 */
#pragma once

#include <stdbool.h>

#include "common/base/buffer.h"

#define MEDIA_TYPE_MAX 127
#define MEDIA_NAME_MAX 255 /* bytes, decoded */

/* Copies "image/jpeg" out of "image/jpeg; q=1" (RFC 9110 §8.3.1): parameters are not kept. False:
 * it is no type. */
bool media_type_read(const char *text, char type[MEDIA_TYPE_MAX + 1]);
/* Images, sound and films are shown, everything else is offered for saving: it could be a page with
 * a script in it (SVG too). */
bool media_type_is_shown(const char *type);

/* A name as users give it: UTF-8 without control characters, not empty, no path. */
bool media_name_is_valid(const char *name);
/* Appends it percent-encoded (RFC 3986 §2.1), as a segment of a path. */
void media_name_encode(struct buffer *out, const char *name);
