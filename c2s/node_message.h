/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Node messages: what workers say to each other, at one node or at several. Each is a message
 * stanza with one child in a namespace of its own, so the router carries it like any other. It
 * comes from a host of the network (`alpha.example.net`, a worker `…/c2s-1`, or an account at that
 * node, `alice@alpha.example.net`), which no client, no foreign server and no component can be
 * (docs/ROUTER.md, rules). Nobody outside ever sees one.
 */
#pragma once

#include <stdbool.h>

#include "common/component/durable.h"
#include "common/xmpp/stanza.h"

struct worker;

struct node_handler {
    const char *ns;
    /* To be consumed. Of type error: one of ours that has come back. offer: it was offered, and is
     * to be answered by worker_answer(), now or later; NULL: it was not. */
    void (*handle)(struct worker *worker, const struct durable *offer, struct stanza *message,
                   struct element *payload);
};

/* False: it is none, and nothing has happened. */
bool node_message_take(struct worker *worker, const struct durable *offer, struct stanza *stanza);
/* Whether this is our host, or another member of the network: names of components are below the
 * network's, too, and are none. */
bool node_is_host(const struct worker *worker, const char *domain);
