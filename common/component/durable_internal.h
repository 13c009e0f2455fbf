/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What durable.c and batch.c read and write alike.
 */
#pragma once

#include "common/component/durable.h"

/* 0: NULL, or no number of that size. */
unsigned durable_number(const char *text);
/* Whether it may be part of an id: it stands in a line of a batch. */
bool durable_is_line(const char *text);
/* In the arena of the element. ERR_NOT_FOUND: missing. */
MUST_CHECK int durable_read_address(const struct element *element, const char *name,
                                    struct jid *jid);
/* An attribute; none, if there is no value. */
void durable_write_attribute(struct buffer *out, const char *name, const char *value);
