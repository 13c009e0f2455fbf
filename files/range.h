/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ranges of bytes (RFC 9110 §14). No I/O.
 */
#pragma once

#include <stdint.h>

enum range_kind {
    RANGE_ALL,    /* the header is absent, or may be ignored: several ranges, other units */
    RANGE_PART,   /* 206 */
    RANGE_OUTSIDE /* 416 */
};

struct range {
    enum range_kind kind;
    uint64_t offset, length;
};

/* `text`: the value of Range, or NULL; of a file of `size` bytes. */
struct range range_read(const char *text, uint64_t size);
