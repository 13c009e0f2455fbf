/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Finds where tags and top-level elements end, and nothing else: whether the bytes are XML is for
 * libxml2 to say, which reads all of them. What the scanner is for:
 *   - a top-level element is given to libxml2 up to its last byte and no further, so its bytes are
 *     known exactly and streams may be restarted, contexts exchanged between any two elements;
 *   - libxml2 gets whole tags only (an unfinished token would be searched again with every byte);
 *   - two things are stopped that libxml2 notices late: '<' in an attribute value, and so many
 *     attributes that comparing them is work.
 * If both disagree on where an element ends, the parser fails (parser.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scan_result {
    SCAN_MORE,           /* all bytes seen, no end found */
    SCAN_END,            /* the last byte seen ends the top-level element (or header or footer) */
    SCAN_BROKEN_TAG,     /* '<' inside a tag */
    SCAN_CDATA_OUTSIDE,  /* a CDATA section between top-level elements */
    SCAN_TOO_MANY_VALUES /* attributes and namespace declarations in one tag */
};

/* Zero-initialised it stands in front of a top-level element. */
struct scanner {
    uint8_t state;
    uint8_t matched; /* bytes of "[CDATA[" or "]]>" */
    bool slash;      /* the last byte of the tag was '/' */
    char quote;
    unsigned values;
    unsigned depth; /* open elements */
};

/* Continues with further bytes; *used of them were seen. In front of *whole, if that is not 0, ends
 * the last tag or CDATA section among them. `header`: the first tag is the end (stream header). */
enum scan_result scanner_run(struct scanner *scanner, const char *bytes, size_t length, bool header,
                             unsigned values_max, size_t *used, size_t *whole);
