/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Creating a node (XEP-0060 §8.1), asked for or by publishing to it.
 */
#pragma once

#include "c2s/pubsub/pubsub.h"
#include "c2s/pubsub/request.h"

void create_handle(struct pubsub_call *call);
/* An account's nodes are created by itself, those of a service by the users of its domain. */
bool create_is_allowed(const struct account *account, const struct jid *who);
/* A node that is in no table yet, with the defaults and what the form says (NULL: nothing); its id
 * is not set. */
struct pubsub_refusal create_node(struct account *account, const char *name,
                                  const struct jid *creator, const struct element *form,
                                  struct pubsub_node **made);
/* The same for a feature; ERR_LIMIT, ERR_INVALID. */
MUST_CHECK int create_node_with(struct account *account, const char *name,
                                const struct pubsub_setting *settings, struct pubsub_node **made);
/* The node with its people. */
void create_write(struct sm_unit *unit, const struct account *account,
                  const struct pubsub_node *node);
