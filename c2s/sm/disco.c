/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Service Discovery (XEP-0030) of the domain and of accounts. The features are those that the
 * modules declare. What a bare JID tells it tells only to those who may see its presence; for all
 * others there is nothing (XEP-0030 §8).
 */
#include "c2s/sm/disco.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "c2s/pubsub/pubsub.h"
#include "c2s/pubsub/service.h"
#include "c2s/sm/caps.h"
#include "c2s/sm/commands.h"
#include "c2s/sm/homes.h"
#include "common/xmpp/form.h"

static void add_identity(struct element *query, const char *category, const char *type,
                         const char *name)
{
    struct element *identity = element_add(query, NS_DISCO_INFO, "identity");

    element_set(identity, "category", category);
    element_set(identity, "type", type);
    element_set(identity, "name", name);
}

static bool has_feature(const struct element *query, const char *name)
{
    ELEMENT_FOREACH (child, query) {
        const char *var = element_get(child, "var");
        if (var && strcmp(var, name) == 0)
            return true;
    }
    return false;
}

static void add_features(struct element *query, const char *const *features)
{
    for (; features && *features; features++)
        if (!has_feature(query, *features))
            element_set(element_add(query, NS_DISCO_INFO, "feature"), "var", *features);
}

void disco_server_info(struct sm *sm, struct element *query)
{
    add_identity(query, "server", "im", "Kontalk");
    SM_MODULES (module)
        add_features(query, module->server_features);
    SM_MODULES (module)
        if (module->server_info)
            module->server_info(sm, query);
}

/* To other domains: kontalk-s2s takes what is for several accounts (XEP-0033). How many, others say
 * in such a form too. */
static void add_addresses(const struct sm_request *request, struct element *query)
{
    static const char *const feature[] = {NS_ADDRESS, NULL};
    const struct config *config = worker_config(request->sm->worker);
    uint64_t max = (uint64_t)config_number(config, "s2s", NULL, "addresses");
    struct element *form;
    char text[24];

    if (max == 0 || !homes_is_foreign(request->sm, request->iq->from.domain) ||
        strcmp(request->iq->to.domain, worker_network(request->sm->worker)) != 0)
        return;
    add_features(query, feature);
    snprintf(text, sizeof(text), "%" PRIu64, max);
    form = form_add(query, "result", NS_ADDRESS);
    form_add_field(form, "message", "text-single", text);
    form_add_field(form, "presence", "text-single", text);
}

static void account_info(struct element *query)
{
    add_identity(query, "account", "registered", NULL);
    add_identity(query, "pubsub", "pep", NULL);
    SM_MODULES (module)
        add_features(query, module->account_features);
}

static void server_info(const struct sm_request *request, struct element *query)
{
    disco_server_info(request->sm, query);
    if (!element_get(request->payload, "node")) /* it has no part in the hash (XEP-0115) */
        add_addresses(request, query);
}

static struct element *begin(struct sm_request *request, struct stanza **result)
{
    *result = stanza_result(request->iq);
    struct element *query = element_add((*result)->root, request->payload->ns, "query");
    element_set(query, "node", element_get(request->payload, "node"));
    return query;
}

static void info(struct sm_request *request)
{
    const char *node = element_get(request->payload, "node");
    bool is_server = request->addressed == SM_TO_SERVER;
    struct stanza *result;

    if (is_server && commands_info(request))
        return;

    /* The one node of the server: its own capabilities (XEP-0115 §6.3). */
    if (node && is_server && !caps_is_server_node(request->sm, node)) {
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
        return;
    }
    struct element *query = begin(request, &result);
    if (node && !is_server) {
        if (pubsub_disco_info(request->account, node, &request->iq->from, query)) {
            sm_reply_take(request, result);
        } else {
            stanza_unref(result);
            sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
        }
        return;
    }
    if (is_server)
        server_info(request, query);
    else
        account_info(query);
    sm_reply_take(request, result);
}

/* What clients are to find beside the server itself. */
static void add_services(const struct sm_request *request, struct element *query)
{
    const struct config *config = worker_config(request->sm->worker);
    const char *domain = request->iq->to.domain;
    size_t count = config_list_size(config, "domain", domain, "service");

    for (size_t i = 0; i < count; i++)
        element_set(element_add(query, NS_DISCO_ITEMS, "item"), "jid",
                    config_list_item(config, "domain", domain, "service", i));
}

/* The items of an account are its available resources (XEP-0030 §4.3) and its nodes. */
static void items(struct sm_request *request)
{
    const char *node = element_get(request->payload, "node");
    struct stanza *result;
    struct session *session;

    if (request->addressed == SM_TO_SERVER && commands_items(request))
        return;
    if (node) {
        if (!request->account || !pubsub_disco_items(request, node))
            sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
        return;
    }
    struct element *query = begin(request, &result);
    if (request->addressed == SM_TO_SERVER) {
        service_announce(request->sm, request->iq->to.domain, query);
        add_services(request, query);
    }
    if (request->account) {
        pubsub_disco_nodes(request->account, &request->iq->from, query);
        ACCOUNT_SESSIONS (session, request->account) {
            if (session_available(session))
                element_set(element_add(query, NS_DISCO_ITEMS, "item"), "jid", session->jid->full);
        }
    }
    sm_reply_take(request, result);
}

static void info_to_other(struct sm_request *request)
{
    if (sm_shares_presence(request->account, &request->iq->from))
        info(request);
    else
        sm_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
}

/* Where there is nothing to see there is an empty list, whether there is an account or not, and
 * whatever the node (XEP-0030 §8). */
static void no_items(struct sm_request *request)
{
    struct stanza *result;

    begin(request, &result);
    sm_reply_take(request, result);
}

static void items_to_other(struct sm_request *request)
{
    if (sm_shares_presence(request->account, &request->iq->from))
        items(request);
    else
        no_items(request);
}

static const struct sm_iq iqs[] = {
    {NS_DISCO_INFO, "query", SM_GET, SM_TO_SERVER | SM_TO_SELF, info},
    {NS_DISCO_ITEMS, "query", SM_GET, SM_TO_SERVER | SM_TO_SELF, items},
    {NS_DISCO_INFO, "query", SM_GET, SM_TO_SERVICE, service_info},
    {NS_DISCO_ITEMS, "query", SM_GET, SM_TO_SERVICE, service_items},
    {NS_DISCO_INFO, "query", SM_GET, SM_TO_ACCOUNT, info_to_other},
    {NS_DISCO_ITEMS, "query", SM_GET, SM_TO_ACCOUNT, items_to_other},
    {NS_DISCO_ITEMS, "query", SM_GET, SM_TO_NOBODY, no_items},
    {0},
};

static const char *const features[] = {NS_DISCO_INFO, NS_DISCO_ITEMS, NULL};
static const struct spec specs[] = {
    {"XEP-0030", "2.5.0", NULL}, {"XEP-0128", "1.0.1", "server information only"}, {0}};

const struct sm_module disco_module = {
    .name = "disco",
    .specs = specs,
    .server_features = features,
    .account_features = features,
    .iqs = iqs,
};
