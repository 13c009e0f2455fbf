/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What other servers have sent for accounts of ours, until a session manager has taken it
 * (urn:kontalk:durable:1, docs/ROUTER.md): offered, again after a while, in order for each sender
 * and recipient, given back as an error when it waits too long. A peer that has too much of it in
 * hand here is not read; while nobody takes anything for long, nobody new is let in.
 */
#pragma once

#include "common/component/batch.h"
#include "common/component/durable.h"
#include "s2s/in.h"

struct inbound;

/* Whether the stanza is one that is answered for. */
bool inbound_is_durable(const struct stanza *stanza);
/* To be consumed. */
void inbound_take(struct in *in, struct stanza *stanza);
/* The same, to several: nothing but `to` is different. They are offered in one batch. */
void inbound_take_copies(struct in *in, struct stanza *const *copies, size_t count);
/* The stream has ended. Where it is acknowledged (XEP-0198), what was not is the peer's again. */
void inbound_leave(struct in *in);
/* How many of its stanzas, from the first on, need nothing more from it. */
uint32_t inbound_settled(const struct in *in);
/* Whether there is nobody that takes anything. */
bool inbound_is_stuck(const struct server *server);

/* What the link tells. */
void inbound_answered(struct server *server, const struct durable *answer);
void inbound_took_all(struct server *server, const struct batch *tooks);
void inbound_full(struct server *server, const char *id);
/* domain NULL: every one. `anew`: whoever was there before has forgotten what he was offered. */
void inbound_reachable(struct server *server, const char *domain, bool anew);

void inbound_start(struct server *server);
/* Nobody is told of what is left. */
void inbound_stop(struct server *server);
