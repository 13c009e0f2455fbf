/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lists of people.
 */
#include "c2s/pubsub/people.h"

#include <string.h>

/* --- one's own --- */

static void add_own_subscriptions(const struct pubsub_call *call, struct element *list,
                                  const struct pubsub_node *node)
{
    for (const struct pubsub_subscriber *one = node->subscribers; one; one = one->hh.next) {
        struct element *subscription;

        if (!jid_bare_equal(one->jid, call_from(call)))
            continue;
        subscription = element_add(list, NS_PUBSUB, "subscription");
        element_set(subscription, "node", node->name);
        element_set(subscription, "jid", one->jid->full);
        element_set(subscription, "subscription", state_name(one->state));
    }
}

static void add_own_affiliation(const struct pubsub_call *call, struct element *list,
                                const struct pubsub_node *node)
{
    enum pubsub_affiliation affiliation = node_affiliation(call->account, node, call_from(call));
    struct element *element;

    if (affiliation == AFFILIATION_NONE)
        return;
    element = element_add(list, NS_PUBSUB, "affiliation");
    element_set(element, "node", node->name);
    element_set(element, "affiliation", affiliation_name(affiliation));
}

/* Of the node that is named, or of all. */
static void answer_own(struct pubsub_call *call,
                       void (*add)(const struct pubsub_call *call, struct element *list,
                                   const struct pubsub_node *node))
{
    struct stanza *reply;
    struct element *list;

    if (call->name && !call->node) {
        pubsub_error(call->request, STANZA_ITEM_NOT_FOUND, NULL);
        return;
    }
    list =
        element_add(pubsub_result(call->request, NS_PUBSUB, &reply), NS_PUBSUB, call->action->name);
    element_set(list, "node", call->name);
    PUBSUB_NODES(node, call->account)
    {
        if (!call->node || call->node == node)
            add(call, list, node);
    }
    sm_reply_take(call->request, reply);
}

void people_own_subscriptions(struct pubsub_call *call)
{
    answer_own(call, add_own_subscriptions);
}

void people_own_affiliations(struct pubsub_call *call)
{
    answer_own(call, add_own_affiliation);
}

/* --- an owner's --- */

static struct element *begin(struct pubsub_call *call, struct stanza **reply)
{
    struct element *list = element_add(pubsub_result(call->request, NS_PUBSUB_OWNER, reply),
                                       NS_PUBSUB_OWNER, call->action->name);

    element_set(list, "node", call->name);
    return list;
}

/* §8.8.1.2: who still waits is not among them. */
void people_subscriptions(struct pubsub_call *call)
{
    struct stanza *reply;
    struct element *list = begin(call, &reply);

    for (const struct pubsub_subscriber *one = call->node->subscribers; one; one = one->hh.next) {
        struct element *subscription;

        if (one->state != SUBSCRIPTION_IS_SUBSCRIBED)
            continue;
        subscription = element_add(list, NS_PUBSUB_OWNER, "subscription");
        element_set(subscription, "jid", one->jid->full);
        element_set(subscription, "subscription", state_name(one->state));
    }
    sm_reply_take(call->request, reply);
}

static void add_affiliation(struct element *list, const char *jid,
                            enum pubsub_affiliation affiliation)
{
    struct element *element = element_add(list, NS_PUBSUB_OWNER, "affiliation");

    element_set(element, "jid", jid);
    element_set(element, "affiliation", affiliation_name(affiliation));
}

void people_affiliations(struct pubsub_call *call)
{
    struct stanza *reply;
    struct element *list = begin(call, &reply);

    if (pubsub_kind(call->account) == PUBSUB_ACCOUNT)
        add_affiliation(list, call->account->jid->bare, AFFILIATION_OWNER);
    for (const struct pubsub_affiliate *one = call->node->affiliates; one; one = one->hh.next)
        add_affiliation(list, one->jid->bare, one->affiliation);
    sm_reply_take(call->request, reply);
}
