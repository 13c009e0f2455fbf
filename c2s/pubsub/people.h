/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lists of who is what to a node: one's own (XEP-0060 §5.6, §5.7), and those that owners see and
 * change (§8.8, §8.9).
 */
#pragma once

#include "c2s/pubsub/request.h"

void people_own_subscriptions(struct pubsub_call *call);
void people_own_affiliations(struct pubsub_call *call);
void people_subscriptions(struct pubsub_call *call);
void people_affiliations(struct pubsub_call *call);
void people_change_subscriptions(struct pubsub_call *call);
void people_change_affiliations(struct pubsub_call *call);
