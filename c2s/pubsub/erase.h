/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Taking back an item (XEP-0060 §7.2), all items of a node (§8.5), and the node (§8.4).
 */
#pragma once

#include "c2s/pubsub/pubsub.h"
#include "c2s/pubsub/request.h"

void erase_handle_retract(struct pubsub_call *call);
void erase_handle_purge(struct pubsub_call *call);
void erase_handle_delete(struct pubsub_call *call);
