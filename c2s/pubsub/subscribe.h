/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Subscribing (XEP-0060 §6.1 to §6.4), and approval by an owner (§8.6).
 */
#pragma once

#include "c2s/pubsub/request.h"

void subscribe_handle(struct pubsub_call *call);
void subscribe_handle_unsubscribe(struct pubsub_call *call);
void subscribe_get_options(struct pubsub_call *call);
void subscribe_set_options(struct pubsub_call *call);
void subscribe_get_default(struct pubsub_call *call);

/* Writes what a subscription is now, and tells it: the answer to `request` (NULL: none), and whom
 * it concerns. It may be the first, a change, or the end. */
void subscription_write(struct account *account, const struct pubsub_node *node,
                        const struct jid *jid, enum pubsub_state state, bool deliver,
                        struct sm_request *request);

/* approval.c */
/* Asks the owners. */
void approval_ask(struct account *account, const struct pubsub_node *node, const struct jid *jid);
/* A message to the service: whether it is an owner's answer. It is used up then. */
bool approval_answered(struct account *account, const struct stanza *message);
