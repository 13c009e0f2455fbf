/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers to rooms (urn:kontalk:durable:1, docs/ROUTER.md): answered as taken when everything that
 * follows from the stanza is committed. A message that is stored is stored with the id of its offer
 * (table `taken`), so it is stored once however often it is offered, also to the next process.
 */
#pragma once

#include "common/component/takings.h"
#include "muc/turn.h"

void taker_start(struct muc *muc);
void taker_stop(struct muc *muc);
/* The stanza is consumed. */
void taker_offered(struct muc *muc, const struct durable *offer, struct stanza *stanza);
void taker_forget(struct muc *muc, const struct durable *forget);

/* It is for a room of another home: offered on in this message, and answered when that has
 * answered. Borrowed. */
void taker_pass(struct muc *muc, struct taking *taking, struct stanza *message);
void taker_refuse(struct muc *muc, struct taking *taking, enum stanza_condition reason,
                  const char *type);
/* Took or refused, of what was offered on; it found no room. False: it was not. */
bool taker_answered(struct muc *muc, const struct durable *answer);
bool taker_full(struct muc *muc, const char *id);
/* This route has come: what was offered on to it is offered again, in order. */
void taker_route(struct muc *muc, const char *name);

/* The offer of this stanza, while it is in hand; NULL: it was none. */
struct taking *taker_find(struct muc *muc, const struct stanza *stanza);
/* Everything that follows from it is committed; failed: it is to be offered again. */
void taker_settled(struct muc *muc, struct taking *taking, bool failed);
