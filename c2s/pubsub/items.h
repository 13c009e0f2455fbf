/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Items of a node, read (XEP-0060 §6.5), with pages (XEP-0059), and as last items (§6.1.7).
 */
#pragma once

#include "c2s/pubsub/pubsub.h"
#include "c2s/pubsub/request.h"

void items_handle(struct pubsub_call *call);

/* Sends the last item of one node, or of all that `wanted` says yes to, to `to`, delayed
 * (XEP-0203). */
void items_send_last(struct account *account, const struct pubsub_node *node, const struct jid *to);
void items_send_all_last(struct account *account, const struct jid *to,
                         bool (*wanted)(const struct account *account,
                                        const struct pubsub_node *node, const struct jid *to,
                                        const void *context),
                         const void *context);
