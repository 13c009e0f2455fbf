/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the devices of an account have displayed (XEP-0490): items of a closed node
 * (c2s/pubsub/defaults.c). With the help of the server a client says it in the message that tells
 * the contact, if it does.
 */
#include "c2s/pubsub/pubsub.h"
#include "c2s/sm/sm.h"

#define NS_DISPLAYED "urn:xmpp:mds:displayed:0"

/* §4.5.3: taken out before the message is stored or goes anywhere, and published under the address
 * the message is for. Everything in it is the clients' business (§5.2). */
static enum sm_verdict outgoing(struct session *session, struct stanza *stanza)
{
    struct element *displayed;
    bool is_first = true;

    if (stanza->kind != STANZA_MESSAGE)
        return SM_PASS;
    while ((displayed = element_find(stanza->root, NS_DISPLAYED, "displayed"))) {
        if (is_first && stanza->has_to && stanza->type != MESSAGE_ERROR)
            pubsub_publish(session->account, NS_DISPLAYED, stanza->to.full, displayed, NULL, NULL,
                           NULL);
        is_first = false;
        element_remove(stanza->root, displayed);
    }
    return SM_PASS;
}

static const char *const features[] = {"urn:xmpp:mds:server-assist:0", NULL};
static const struct spec specs[] = {{"XEP-0490", "1.0.1", NULL}, {0}};

const struct sm_module displayed_module = {
    .name = "displayed",
    .specs = specs,
    .account_features = features,
    .outgoing = outgoing,
};
