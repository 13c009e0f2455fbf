/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ad-Hoc Commands: what service discovery says of them, to those who may run them.
 */
#include <string.h>

#include "c2s/sm/commands.h"
#include "c2s/sm/disco.h"
#include "common/xmpp/form.h"

static struct element *begin_query(struct sm_request *request, struct stanza **reply)
{
    *reply = stanza_result(request->iq);
    struct element *query = element_add((*reply)->root, request->payload->ns, "query");
    element_set(query, "node", element_get(request->payload, "node"));
    return query;
}

struct listing {
    struct sm_request *request;
    struct element *query;
    bool admin;
};

static void add_item(const struct command *command, void *user)
{
    const struct listing *listing = user;
    struct element *item;

    if (!commands_may(listing->request, command, listing->admin))
        return;
    item = element_add(listing->query, NS_DISCO_ITEMS, "item");
    element_set(item, "jid", listing->request->iq->to.full);
    element_set(item, "node", command->node);
    element_set(item, "name", command->name);
}

/* Who may run none sees none. */
static void list(struct sm_request *request, bool admin)
{
    struct stanza *reply;
    struct listing listing = {request, begin_query(request, &reply), admin};

    commands_each(add_item, &listing);
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

static const struct command *asked_about(const struct sm_request *request)
{
    return commands_find(element_get(request->payload, "node"));
}

static void describe(struct sm_request *request, bool admin)
{
    static const char *const vars[] = {NS_COMMANDS, NS_DATA_FORM};
    const struct command *one = asked_about(request);
    struct stanza *reply;
    struct element *query;

    if (!commands_may(request, one, admin)) {
        sm_error(request, STANZA_FORBIDDEN, NULL);
        return;
    }
    query = begin_query(request, &reply);
    add_identity(query, "command-node", one->name);
    for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
        element_set(element_add(query, NS_DISCO_INFO, "feature"), "var", vars[i]);
    sm_reply_take(request, reply);
}

/* A command has nothing below it. */
static void list_of_one(struct sm_request *request, bool admin)
{
    struct stanza *reply;

    if (!commands_may(request, asked_about(request), admin)) {
        sm_error(request, STANZA_FORBIDDEN, NULL);
        return;
    }
    begin_query(request, &reply);
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
        commands_ask_for(request, list);
    else if (node && commands_find(node))
        commands_ask_for(request, list_of_one);
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
        commands_ask_for(request, describe);
    else
        return false;
    return true;
}
