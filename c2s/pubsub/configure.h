/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The configuration form of a node (XEP-0060 §8.2, §8.3), and the same fields as preconditions of
 * a publication (§7.1.5).
 */
#pragma once

#include "c2s/pubsub/request.h"

void configure_get(struct pubsub_call *call);
void configure_set(struct pubsub_call *call);
void configure_get_default(struct pubsub_call *call);

/* Sets what the form says; what is no field of ours is left out (XEP-0004 §3.2). As a publication's
 * (FORM_PUBLISH_OPTIONS) it is refused. */
struct pubsub_refusal configure_apply(const struct account *account, struct pubsub_options *options,
                                      const struct element *form);
/* Whether the node is as the form says. */
struct pubsub_refusal configure_compare(const struct account *account,
                                        const struct pubsub_options *options,
                                        const struct element *form);
