/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Photos of vCards (XEP-0153 §3.1): the SHA-1 of the image is what others know them by.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PHOTO_HASH_SIZE 41 /* SHA-1 in lower-case hex, with NUL */

/* What clients write in base64, with line breaks or without. False: it is none, or empty. */
bool photo_decode(const char *base64, char hash[PHOTO_HASH_SIZE], size_t *bytes);
