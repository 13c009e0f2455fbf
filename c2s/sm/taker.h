/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers to accounts of ours (urn:kontalk:durable:1, docs/ROUTER.md): the stanza goes its usual
 * way, and once everything that follows from it has been committed it is answered as taken. An
 * offer that comes again is answered, not delivered, again.
 */
#pragma once

#include "c2s/sm/sm.h"

/* The stanza is borrowed. */
void taker_offered(struct sm *sm, const struct durable *offer, struct stanza *stanza);
/* What the table `taken` knows the offer by: `hash` (CRYPTO_HASH_MAX), or what is remembered of one
 * that is in hand. */
const uint8_t *taker_hash(struct sm *sm, const char *id, uint8_t *hash);
/* Whoever offered it will not ask again. */
void taker_forget(struct sm *sm, const struct durable *forget);
/* store.c: it is committed, or its sender has been told why not; again: neither, it is to be
 * offered again. */
void taker_ended(struct sm *sm, const char *id, bool again);
