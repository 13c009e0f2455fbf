/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is offered to us for other domains (urn:kontalk:durable:1, docs/ROUTER.md): taken once the
 * other server has acknowledged it, refused as soon as it cannot go out. Nothing of it is kept
 * longer than that: whoever offers it has it. The same offer again is answered, not sent, again.
 */
#pragma once

#include "common/component/durable.h"
#include "s2s/server.h"

struct parcel;
struct offer;

/* The stanza is consumed. */
void offer_received(struct server *server, const struct durable *offer, struct stanza *stanza);

/* Several offers of one stanza may go out in one parcel. offer_add() puts one that has come before
 * `others` (NULL: none); *others are all then. False: it was answered, or will be. */
bool offer_add(struct server *server, const struct durable *offer, const struct jid *from,
               struct offer **others);
void offer_push(struct offer **others, struct offer *offer);
/* Takes one out; NULL: there is none left. */
struct offer *offer_pop(struct offer **others);
const char *offer_id(const struct offer *offer);
const struct jid *offer_recipient(const struct offer *offer);
bool offer_is_of_several(const struct offer *offer);
/* The stanza, which is for all of them, is consumed. */
void offer_send(struct offer *offer, struct stanza *stanza);

/* What follows holds for all in the parcel.
 * The parcel has been acknowledged: the offer is not the parcel's any more. */
void offer_took(struct offer *offer);
/* It ends without having been acknowledged: gone. retry_after as in struct durable. */
void offer_refuse(struct offer *offer, enum stanza_condition reason, const char *text,
                  unsigned retry_after);
/* The parcel goes, and nobody is told. */
void offer_drop(struct offer *offer);
/* Whoever offered it will not ask again. */
void offer_forget(struct server *server, const char *id);
void offer_free_all(struct server *server);
