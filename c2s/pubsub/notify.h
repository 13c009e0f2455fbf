/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Telling those who listen to a node (XEP-0060 §7.1.2, §8; XEP-0163 §4): subscribers, and without
 * a subscription the account's own devices and contacts whose clients announce "node+notify"
 * (XEP-0115). Each hears once. Who must not read the node hears nothing, whatever it has
 * subscribed to.
 */
#pragma once

#include "c2s/pubsub/node.h"

/* A message of the node, as its configuration says, with an empty <event/>; the caller fills it. */
struct stanza *notify_new(const struct account *account, const struct pubsub_node *node,
                          struct element **event);
/* Sends it to all who listen. Consumed. */
void notify_all_take(struct account *account, const struct pubsub_node *node,
                     struct stanza *message);
/* To one address, whatever it has subscribed to. Consumed. */
void notify_one_take(struct account *account, struct stanza *message, const struct jid *to);

/* Adds <item/> to <items/>; payload may be NULL, publisher is a full JID or NULL. */
struct element *notify_add_item(struct element *items, const struct account *account,
                                const char *id, const char *publisher,
                                const struct element *payload);

/* A subscription has changed (§13.14): told to who is subscribed. */
void notify_subscription(struct account *account, const struct pubsub_node *node,
                         const struct jid *jid, enum pubsub_state state);
