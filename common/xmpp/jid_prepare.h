/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Preparation of the parts of an address, inside common/xmpp: what jid.c puts together.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macros.h"

/* A prepared part: either the text it was made from, whose ASCII letters become lower case on
 * copying if `fold`, or a text of its own. Always 1 to JID_PART_MAX bytes. */
struct jid_part {
    const char *text;
    size_t length;
    bool fold;
    char *owned; /* NULL, or `text` to be freed */
};

/* ERR_MALFORMED leaves nothing to be released. */
MUST_CHECK int jid_part_local(struct jid_part *part, const char *text, size_t length);
MUST_CHECK int jid_part_domain(struct jid_part *part, const char *text, size_t length);
MUST_CHECK int jid_part_resource(struct jid_part *part, const char *text, size_t length);
void jid_part_fini(struct jid_part *part);
/* Writes part->length bytes, without a NUL; returns the place behind them. */
char *jid_part_copy(const struct jid_part *part, char *to);
