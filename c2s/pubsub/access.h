/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who may do what with a node: its access model (XEP-0060 §4.5), its publish model and the
 * affiliation of who asks (§4.1).
 */
#pragma once

#include "c2s/pubsub/node.h"

/* What is answered: `condition` of the stanza error, -1 if it may be done; `name` of the error of
 * NS_PUBSUB_ERROR, NULL for none; `feature` of <unsupported/>. */
struct pubsub_refusal {
    int condition;
    const char *name;
    const char *feature;
};

struct pubsub_refusal access_to_read(const struct account *account, const struct pubsub_node *node,
                                     const struct jid *who);
/* *pending: an owner has to approve. */
struct pubsub_refusal access_to_subscribe(const struct account *account,
                                          const struct pubsub_node *node, const struct jid *who,
                                          bool *pending);
bool access_to_publish(const struct account *account, const struct pubsub_node *node,
                       const struct jid *who);
/* Whether it is told of the node at all: in lists, and without a subscription of its own. */
bool access_to_see(const struct account *account, const struct pubsub_node *node,
                   const struct jid *who);
