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
/* The parcel with it has been acknowledged: the offer is not the parcel's any more. */
void offer_took(struct offer *offer);
/* It ends without having been acknowledged: gone. retry_after as in struct durable. */
void offer_refuse(struct offer *offer, enum stanza_condition reason, const char *text,
                  unsigned retry_after);
/* The parcel goes, and nobody is told. */
void offer_drop(struct offer *offer);
/* Whoever offered it will not ask again. */
void offer_forget(struct server *server, const char *id);
void offer_free_all(struct server *server);
