/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Right after the start of the router the streams that share a name come back one after the other.
 * Until all had time to, stanzas for shared names wait here, so that none goes to a stream that
 * does not own it and none is refused. What shared names will be there is known from the rights of
 * c2s.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/xmpp/stanza.h"

struct router;
struct component;
struct hold;

/* after_ms 0: nothing is held. */
struct hold *hold_new(struct router *router, uint64_t after_ms, size_t size_max);
/* What is still held is dropped. */
void hold_free(struct hold *hold);
/* Whether a stanza for this domain has to wait now. */
bool hold_applies(const struct hold *hold, const char *domain);
/* Keeps a reference to the stanza; false: full. */
bool hold_add(struct hold *hold, struct component *sender, struct stanza *stanza, size_t size);
/* The component will not be there any more. */
void hold_forget(struct hold *hold, const struct component *component);
