/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What durable.c and batch.c read and write alike.
 */
#pragma once

#include "common/component/durable.h"

/* 0: missing or no number of that size. */
unsigned durable_read_number(const struct element *element, const char *name);
/* In the arena of the element. ERR_NOT_FOUND: missing. */
MUST_CHECK int durable_read_address(const struct element *element, const char *name,
                                    struct jid *jid);
/* An attribute; none, if there is no value. */
void durable_write_attribute(struct buffer *out, const char *name, const char *value);
struct jid durable_copy_jid(struct arena *arena, const struct jid *jid);
