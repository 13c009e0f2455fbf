/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Texts in UTF-8 (RFC 3629).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct utf8_character {
    uint32_t code;
    size_t length; /* in bytes; 0: this is no UTF-8 */
};

/* The first one; `left` is how much there is, at least a byte. */
struct utf8_character utf8_read(const char *text, size_t left);

/* How many of its first `limit` bytes are whole characters; all, if it is no longer. What is no
 * UTF-8 is cut at the limit. */
size_t utf8_cut(const char *text, size_t limit);
/* Puts '?' in place of what acts on a terminal instead of being shown, or turns the order in which
 * the rest is read: controls (ECMA-48), ends of lines, marks of direction (UAX #9); and of what is
 * no UTF-8. */
void utf8_hide_controls(char *text);
