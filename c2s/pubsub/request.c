/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * From an iq to its handler.
 */
#include "c2s/pubsub/request.h"

#include <string.h>

#include "c2s/pubsub/hooks.h"
#include "c2s/pubsub/pubsub.h"
#include "common/base/error.h"

const struct jid *call_from(const struct pubsub_call *call)
{
    return &call->request->iq->from;
}

void pubsub_refuse(struct sm_request *request, struct pubsub_refusal refusal)
{
    struct stanza *error =
        stanza_error(request->iq, (enum stanza_condition)refusal.condition, NULL);

    if (refusal.name) {
        struct element *name =
            element_add(stanza_error_element(error), NS_PUBSUB_ERROR, refusal.name);
        element_set(name, "feature", refusal.feature);
    }
    sm_reply_take(request, error);
}

void pubsub_error(struct sm_request *request, enum stanza_condition condition, const char *name)
{
    pubsub_refuse(request, (struct pubsub_refusal){(int)condition, name, NULL});
}

void pubsub_unsupported(struct sm_request *request, const char *feature)
{
    pubsub_refuse(request,
                  (struct pubsub_refusal){STANZA_FEATURE_NOT_IMPLEMENTED, "unsupported", feature});
}

struct element *pubsub_result(struct sm_request *request, const char *ns, struct stanza **reply)
{
    *reply = stanza_result(request->iq);
    return element_add((*reply)->root, ns, "pubsub");
}

int call_jid(const struct pubsub_call *call, const struct element *element, struct jid *jid)
{
    const char *text = element_get(element, "jid");

    return text ? jid_parse(call->request->iq->arena, text, jid) : ERR_MALFORMED;
}

struct pubsub_option_limits pubsub_limits(const struct sm *sm)
{
    return (struct pubsub_option_limits){.items = (int64_t)sm->limits.pubsub_items,
                                         .payload = (int64_t)sm->limits.pubsub_item_bytes};
}

static const struct pubsub_action *find(const struct pubsub_call *call)
{
    unsigned type = call->request->iq->type == IQ_GET ? SM_GET : SM_SET;

    for (const struct pubsub_action *one = pubsub_actions; one->ns; one++) {
        if (one->type == type && element_is(call->action, one->ns, one->name) &&
            strcmp(call->pubsub->ns, one->ns) == 0)
            return one;
    }
    return NULL;
}

/* What every service has to know but this one does not (§12); else it is nonsense. */
static void refuse_unknown(struct pubsub_call *call)
{
    static const struct {
        const char *name, *feature;
    } absent[] = {{"collection", "collections"}, {"redirect", "delete-nodes"}};

    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        if (strcmp(call->action->name, absent[i].name) == 0) {
            pubsub_unsupported(call->request, absent[i].feature);
            return;
        }
    }
    sm_error(call->request, STANZA_BAD_REQUEST, NULL);
}

static bool is_ready(struct pubsub_call *call, const struct pubsub_action *action)
{
    if (action->node == NODE_ANY)
        return true;
    if (!call->name || strlen(call->name) > PUBSUB_NAME_MAX) {
        pubsub_error(call->request, STANZA_BAD_REQUEST, "nodeid-required");
        return false;
    }
    if (action->node >= NODE_EXISTS && !call->node) {
        pubsub_error(call->request, STANZA_ITEM_NOT_FOUND, NULL);
        return false;
    }
    if (action->node == NODE_OWNED && call->affiliation != AFFILIATION_OWNER) {
        pubsub_error(call->request, STANZA_FORBIDDEN, NULL);
        return false;
    }
    return true;
}

static const char *name_of(const struct element *action)
{
    const char *name = element_get(action, "node");

    return name && name[0] != '\0' ? name : NULL;
}

static void serve(struct sm_request *request)
{
    struct pubsub_call call = {
        .request = request, .account = request->account, .pubsub = request->payload};
    const struct pubsub_action *action;

    call.action = element_first(call.pubsub);
    action = find(&call);
    if (!action) {
        refuse_unknown(&call);
        return;
    }
    call.name = name_of(call.action);
    call.node = call.name ? node_find(call.account, call.name) : NULL;
    call.affiliation =
        call.node ? node_affiliation(call.account, call.node, call_from(&call)) : AFFILIATION_NONE;
    if (is_ready(&call, action))
        action->handle(&call);
}

void pubsub_request(struct sm_request *request)
{
    const struct element *action = element_first(request->payload);
    const char *name = action ? name_of(action) : NULL;

    if (!action)
        sm_error(request, STANZA_BAD_REQUEST, NULL);
    else if (!name || request->addressed != SM_TO_SELF || node_find(request->account, name) ||
             !hooks_absent(request, name, serve))
        serve(request);
}

/* An address without an account looks like one without nodes: lists are empty, there is no node,
 * and nobody may create one. */
void pubsub_request_to_nobody(struct sm_request *request)
{
    struct pubsub_call call = {.request = request, .pubsub = request->payload};
    const struct pubsub_action *action;
    struct stanza *reply;

    call.action = element_first(call.pubsub);
    action = call.action ? find(&call) : NULL;
    if (!action) {
        sm_error(request, STANZA_BAD_REQUEST, NULL);
    } else if (action->type == SM_GET && action->node == NODE_ANY) {
        element_add(pubsub_result(request, action->ns, &reply), action->ns, action->name);
        sm_reply_take(request, reply);
    } else if (strcmp(action->name, "create") == 0) {
        pubsub_error(request, STANZA_FORBIDDEN, NULL);
    } else {
        pubsub_error(request, STANZA_ITEM_NOT_FOUND, NULL);
    }
}
