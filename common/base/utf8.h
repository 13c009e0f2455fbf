/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Texts in UTF-8 (RFC 3629).
 */
#pragma once

#include <stddef.h>

/* How many of its first `limit` bytes are whole characters; all, if it is no longer. What is no
 * UTF-8 is cut at the limit. */
size_t utf8_cut(const char *text, size_t limit);
