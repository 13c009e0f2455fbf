/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Subscribing. There is one subscription for an address, so there are no identifiers (subid).
 */
#include "c2s/pubsub/subscribe.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/items.h"
#include "c2s/pubsub/notify.h"
#include "c2s/pubsub/store.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/xmpp/form.h"

static const struct pubsub_refusal accepted = {.condition = -1};

struct subscribing {
    struct sm_request *request; /* NULL: an owner has decided */
    char *name;
    struct jid *jid;
    enum pubsub_state state, before;
    bool deliver;
};

static void answer(const struct subscribing *subscribing)
{
    struct stanza *reply;
    struct element *pubsub = pubsub_result(subscribing->request, NS_PUBSUB, &reply);
    struct element *subscription = element_add(pubsub, NS_PUBSUB, "subscription");

    element_set(subscription, "node", subscribing->name);
    element_set(subscription, "jid", subscribing->jid->full);
    element_set(subscription, "subscription", state_name(subscribing->state));
    sm_reply_take(subscribing->request, reply);
}

/* pubsub#notify_sub */
static void tell_owners(struct account *account, const struct pubsub_node *node,
                        const struct subscribing *subscribing)
{
    for (const struct pubsub_affiliate *one = node->affiliates; one; one = one->hh.next) {
        if (one->affiliation == AFFILIATION_OWNER) {
            struct element *event;
            struct stanza *message = notify_new(account, node, &event);
            struct element *subscription = element_add(event, event->ns, "subscription");

            element_set(subscription, "node", node->name);
            element_set(subscription, "jid", subscribing->jid->full);
            element_set(subscription, "subscription", state_name(subscribing->state));
            notify_one_take(account, message, one->jid);
        }
    }
}

static void tell(struct account *account, const struct pubsub_node *node,
                 const struct subscribing *subscribing)
{
    if (subscribing->state == subscribing->before)
        return;
    if (subscribing->state == SUBSCRIPTION_IS_PENDING)
        approval_ask(account, node, subscribing->jid);
    if (!subscribing->request)
        notify_subscription(account, node, subscribing->jid, subscribing->state);
    if (options_on(&node->options, OPTION_NOTIFY_SUB))
        tell_owners(account, node, subscribing);
    if (subscribing->state == SUBSCRIPTION_IS_SUBSCRIBED && subscribing->deliver &&
        !options_is(&node->options, OPTION_SEND_LAST, "never"))
        items_send_last(account, node, subscribing->jid);
}

static void on_written(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct subscribing *subscribing = user;
    struct pubsub_node *node;

    (void)results;
    if (status < 0 && subscribing->request) {
        sm_fail(subscribing->request, status);
    } else if (status == 0) {
        node = node_find(account, subscribing->name);
        node_subscribe(node, subscribing->jid, subscribing->state, subscribing->deliver);
        if (subscribing->request)
            answer(subscribing);
        tell(account, node, subscribing);
    }
    free(subscribing->name);
    free(subscribing->jid);
    free(subscribing);
}

void subscription_write(struct account *account, const struct pubsub_node *node,
                        const struct jid *jid, enum pubsub_state state, bool deliver,
                        struct sm_request *request)
{
    const struct pubsub_subscriber *now = node_subscriber(node, jid->full);
    struct subscribing *subscribing = xcalloc(1, sizeof(*subscribing));
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);

    *subscribing = (struct subscribing){.request = request,
                                        .name = xstrdup(node->name),
                                        .jid = jid_dup(jid),
                                        .state = state,
                                        .before = now ? now->state : SUBSCRIPTION_IS_NONE,
                                        .deliver = deliver};
    store_subscription(unit, account->owner, node->id, jid, state, deliver);
    sm_submit(unit, on_written, subscribing);
}

/* --- the form of a subscription (§6.3) --- */

static void add_options(struct element *options, const char *type, bool deliver)
{
    struct element *form = form_add(options, type, FORM_SUBSCRIBE);
    struct element *field = form_add_field(form, "pubsub#deliver", "boolean", deliver ? "1" : "0");

    element_set(field, "label", "Send notifications");
}

/* What is no field of ours is left out; ERR_INVALID: a value that it may not have. */
static int read_options(const struct element *options, bool *deliver)
{
    const struct element *form = form_submitted(options, FORM_SUBSCRIBE);
    const char *value = form ? form_get(form, "pubsub#deliver") : NULL;

    if (!value)
        return 0;
    if (xml_is_true(value))
        *deliver = true;
    else if (strcmp(value, "0") == 0 || strcmp(value, "false") == 0)
        *deliver = false;
    else
        return ERR_INVALID;
    return 0;
}

/* --- subscribing --- */

/* Only for oneself (§6.1.3.1). */
static struct pubsub_refusal read_own_jid(const struct pubsub_call *call, struct jid *jid)
{
    if (call_jid(call, call->action, jid) < 0 || !jid_bare_equal(jid, call_from(call)))
        return (struct pubsub_refusal){STANZA_BAD_REQUEST, "invalid-jid", NULL};
    return accepted;
}

/* §6.1.3.7, §6.1.3.9 */
static struct pubsub_refusal check_count(const struct pubsub_call *call, const struct jid *jid)
{
    const struct pubsub_subscriber *one = node_subscriber(call->node, jid->full);

    if (one && one->state == SUBSCRIPTION_IS_PENDING)
        return (struct pubsub_refusal){STANZA_NOT_AUTHORIZED, "pending-subscription", NULL};
    if (!one &&
        HASH_COUNT(call->node->subscribers) >= call->account->sm->limits.pubsub_subscriptions) {
        limit_reached("pubsub-subscriptions");
        return (struct pubsub_refusal){STANZA_POLICY_VIOLATION, "too-many-subscriptions", NULL};
    }
    return accepted;
}

void subscribe_handle(struct pubsub_call *call)
{
    const struct element *options = element_find(call->pubsub, NS_PUBSUB, "options");
    const struct pubsub_subscriber *one;
    bool pending = false, deliver = true;
    struct jid jid;
    struct pubsub_refusal refusal = read_own_jid(call, &jid);

    if (refusal.condition < 0)
        refusal = access_to_subscribe(call->account, call->node, call_from(call), &pending);
    if (refusal.condition < 0)
        refusal = check_count(call, &jid);
    if (refusal.condition >= 0) {
        pubsub_refuse(call->request, refusal);
        return;
    }
    one = node_subscriber(call->node, jid.full);
    deliver = one ? one->deliver : true;
    if (options && read_options(options, &deliver) < 0) {
        pubsub_error(call->request, STANZA_BAD_REQUEST, "invalid-options");
        return;
    }
    subscription_write(call->account, call->node, &jid,
                       pending ? SUBSCRIPTION_IS_PENDING : SUBSCRIPTION_IS_SUBSCRIBED, deliver,
                       call->request);
}

/* The subscription that is meant; NULL: answered. Owners may speak for others (§6.2.3.3). */
static struct pubsub_subscriber *find_subscriber(struct pubsub_call *call, struct jid *jid)
{
    struct pubsub_subscriber *one;

    if (call_jid(call, call->action, jid) < 0) {
        pubsub_error(call->request, STANZA_BAD_REQUEST, "jid-required");
        return NULL;
    }
    if (!jid_bare_equal(jid, call_from(call)) && call->affiliation != AFFILIATION_OWNER) {
        pubsub_error(call->request, STANZA_FORBIDDEN, NULL);
        return NULL;
    }
    one = node_subscriber(call->node, jid->full);
    if (!one)
        pubsub_error(call->request, STANZA_UNEXPECTED_REQUEST, "not-subscribed");
    return one;
}

void subscribe_handle_unsubscribe(struct pubsub_call *call)
{
    struct jid jid;

    if (find_subscriber(call, &jid))
        subscription_write(call->account, call->node, &jid, SUBSCRIPTION_IS_NONE, true,
                           call->request);
}

void subscribe_get_options(struct pubsub_call *call)
{
    struct jid jid;
    const struct pubsub_subscriber *one = find_subscriber(call, &jid);
    struct element *options;
    struct stanza *reply;

    if (!one)
        return;
    options = element_add(pubsub_result(call->request, NS_PUBSUB, &reply), NS_PUBSUB, "options");
    element_set(options, "node", call->name);
    element_set(options, "jid", jid.full);
    add_options(options, "form", one->deliver);
    sm_reply_take(call->request, reply);
}

static void on_options(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct subscribing *subscribing = user;

    (void)results;
    if (status < 0) {
        sm_fail(subscribing->request, status);
    } else {
        node_subscribe(node_find(account, subscribing->name), subscribing->jid, subscribing->state,
                       subscribing->deliver);
        sm_result(subscribing->request);
    }
    free(subscribing->name);
    free(subscribing->jid);
    free(subscribing);
}

void subscribe_set_options(struct pubsub_call *call)
{
    struct jid jid;
    const struct pubsub_subscriber *one = find_subscriber(call, &jid);
    struct subscribing *subscribing;
    struct sm_unit *unit;
    bool deliver;

    if (!one)
        return;
    deliver = one->deliver;
    if (read_options(call->action, &deliver) < 0) {
        pubsub_error(call->request, STANZA_BAD_REQUEST, "invalid-options");
        return;
    }
    unit = sm_unit_new(call->account, SM_WRITE);
    subscribing = xcalloc(1, sizeof(*subscribing));
    *subscribing = (struct subscribing){.request = call->request,
                                        .name = xstrdup(call->name),
                                        .jid = jid_dup(&jid),
                                        .state = one->state,
                                        .deliver = deliver};
    store_subscription(unit, call->account->owner, call->node->id, &jid, one->state, deliver);
    sm_submit(unit, on_options, subscribing);
}

void subscribe_get_default(struct pubsub_call *call)
{
    struct stanza *reply;
    struct element *pubsub = pubsub_result(call->request, NS_PUBSUB, &reply);
    struct element *options = element_add(pubsub, NS_PUBSUB, "default");

    element_set(options, "node", call->name);
    add_options(options, "form", true);
    sm_reply_take(call->request, reply);
}
