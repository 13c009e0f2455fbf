/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Base64 (RFC 4648 §4) and hexadecimal text.
 */
#pragma once

#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"

void base64_encode(struct buffer *out, const void *bytes, size_t length);
/* Strict: no blanks, padding required, unused bits zero. Appends the bytes to `out`.
 * ERR_MALFORMED leaves `out` as it was. */
MUST_CHECK int base64_decode(struct buffer *out, const char *text, size_t length);

/* Lower case. */
void hex_encode(struct buffer *out, const void *bytes, size_t length);
