/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Result Set Management (XEP-0059): what page of a long list somebody asks for, and what it is told
 * about the one it gets.
 */
#pragma once

#include <stdint.h>

#include "common/base/macros.h"
#include "common/xmpp/element.h"

#define NS_RSM "http://jabber.org/protocol/rsm"

struct rsm {
    bool has_max;
    size_t max; /* SIZE_MAX for anything beyond it */
    const char *after;
    const char *before; /* "": the last page */
};

/* Reads the <set/> in `parent`, if there is one; strings live as long as it. -1, or the condition
 * of the error: what is no number, or a place by index (§2.6), which would cost too much. */
int rsm_read(const struct element *parent, struct rsm *rsm);
/* Adds a <set/>. first and last: NULL if the page is empty; count: -1 if it is not known. */
void rsm_add(struct element *parent, const char *first, const char *last, int64_t count);
