/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What may stand in front of a stream header: a byte order mark and the XML declaration (RFC 6120
 * §11.5). libxml2 does not see them: of an encoding that it is told to ignore it does not say the
 * name, and other encodings have to be refused.
 */
#pragma once

#include <stddef.h>

/* A declaration that is longer is none. */
#define PROLOG_MAX 256

enum prolog_result {
    PROLOG_MORE,      /* not decided yet */
    PROLOG_DONE,      /* all but the last *rest bytes are the prolog */
    PROLOG_MALFORMED, /* no well-formed declaration, or not of XML 1.0 */
    PROLOG_ENCODING,  /* not in UTF-8 (RFC 6120 §11.6) */
};

/* Looks at all bytes there are so far; call it again with each further byte. */
enum prolog_result prolog_read(const char *bytes, size_t length, size_t *rest);
