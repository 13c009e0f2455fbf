/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Publishing an item (XEP-0060 §7.1): checked, written together with the node if that is new, and
 * then told. The handler is an action; pubsub_publish() is the same for features.
 */
#pragma once

#include "c2s/pubsub/request.h"

void publish_handle(struct pubsub_call *call);
