/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas between the homes of a network (docs/NETWORK.md): what is for an account whose home is
 * elsewhere goes there in an envelope (envelope.h); what comes in one is proved, and goes on as if
 * its sender were here.
 *
 *   to an account of ours ─► directory ─┬─ here, nobody's ─► as in a network of one
 *                                       ├─ elsewhere ─► envelope ─► router ─► net
 *                                       └─ not known now ─► error of type wait
 */
#pragma once

#include "c2s/sm/places.h"
#include "c2s/sm/sm.h"

/* What is not here; `here` is called for what is, at once or when it is known. Behind what waits
 * for the same address. Borrowed; it must not be changed afterwards. */
void homes_route(struct sm *sm, struct stanza *stanza,
                 void (*here)(struct sm *sm, struct stanza *stanza));
/* To that place, which is elsewhere. Borrowed. */
void homes_send(struct sm *sm, struct stanza *stanza, const struct directory_place *place);
/* A domain of others: below the network's there is nobody foreign. */
bool homes_is_foreign(const struct sm *sm, const char *domain);
/* The message in which the stanza goes to that place; NULL: nothing can be said by this home now.
 * Stanzas of an account take the same way, so that none overtakes another. */
struct stanza *homes_wrap(struct sm *sm, const struct stanza *stanza,
                          const struct directory_place *place);

/* The same for many who have it there, to be offered in a batch: from this worker, which hears the
 * answers, to the node. The stanza has no `to`. */
struct stanza *homes_wrap_for_many(struct sm *sm, const struct stanza *stanza, const char *host);

/* What comes from a node, or has come back; false: it is no envelope. Borrowed. offer: to be
 * answered; NULL: it was not offered. */
bool homes_arrived(struct sm *sm, const struct durable *offer, struct stanza *message);
/* The same for offers to many. */
bool homes_arrived_for_many(struct sm *sm, const struct batch *batch, struct stanza *message);
/* An envelope that found no way: whoever waits for an answer to what is in it gets an error. False:
 * it is none. */
bool homes_came_back(struct sm *sm, struct stanza *message);

/* Whether the id of an offer, or of a word about one, can be that of this account at that node, or
 * of the node itself: nobody answers for what others have offered. */
bool homes_owns_id(const struct sm *sm, const struct jid *from, const char *id);
/* done() if whoever says so may, now or when that is known. */
void homes_forget(struct sm *sm, const struct durable *forget,
                  void (*done)(struct sm *sm, const struct durable *forget));
/* The id without the name of our node, which stands before it where only the node can vouch for
 * what it offers (words.h). */
const char *homes_id(const struct sm *sm, const char *id);
/* A line for each node whose envelopes were refused here: how many, and how many were for accounts
 * that are not here. */
struct control_request;
void homes_show(const struct sm *sm, struct control_request *request);

extern const struct sm_module homes_module;
