/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ad-Hoc Commands: what service discovery says of them, to those who may run them.
 */
#include <string.h>

#include "c2s/sm/commands.h"
#include "c2s/sm/disco.h"
#include "common/xmpp/form.h"

static void refuse(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

static struct element *begin_query(struct sm_request *request, struct stanza **reply)
{
    *reply = stanza_result(request->iq);
    struct element *query = element_add((*reply)->root, request->payload->ns, "query");
    element_set(query, "node", element_get(request->payload, "node"));
    return query;
}

static void no_items(struct sm_request *request)
{
    struct stanza *reply;

    begin_query(request, &reply);
    sm_reply_take(request, reply);
}

static void list(struct sm_request *request)
{
    struct stanza *reply;
    struct element *query = begin_query(request, &reply);

    for (const struct command *at = admin_commands; at->node; at++) {
        struct element *item = element_add(query, NS_DISCO_ITEMS, "item");
        element_set(item, "jid", request->iq->to.full);
        element_set(item, "node", at->node);
        element_set(item, "name", at->name);
    }
    sm_reply_take(request, reply);
}

static void add_identity(struct element *query, const char *type, const char *name)
{
    struct element *identity = element_add(query, NS_DISCO_INFO, "identity");

    element_set(identity, "category", "automation");
    element_set(identity, "type", type);
    element_set(identity, "name", name);
}

static void describe_list(struct sm_request *request)
{
    struct stanza *reply;

    add_identity(begin_query(request, &reply), "command-list", "Commands");
    sm_reply_take(request, reply);
}

static void describe(struct sm_request *request)
{
    static const char *const vars[] = {NS_COMMANDS, NS_DATA_FORM};
    const struct command *one = commands_find(element_get(request->payload, "node"));
    struct stanza *reply;
    struct element *query = begin_query(request, &reply);

    add_identity(query, "command-node", one->name);
    for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
        element_set(element_add(query, NS_DISCO_INFO, "feature"), "var", vars[i]);
    sm_reply_take(request, reply);
}

static bool is_list(const char *node)
{
    return node && strcmp(node, NS_COMMANDS) == 0;
}

bool commands_items(struct sm_request *request)
{
    const char *node = element_get(request->payload, "node");

    if (is_list(node))
        commands_ask_for(request, list, no_items);
    else if (node && commands_find(node))
        commands_ask_for(request, no_items, refuse);
    else
        return false;
    return true;
}

bool commands_info(struct sm_request *request)
{
    const char *node = element_get(request->payload, "node");

    if (is_list(node))
        describe_list(request);
    else if (node && commands_find(node))
        commands_ask_for(request, describe, refuse);
    else
        return false;
    return true;
}
