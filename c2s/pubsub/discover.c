/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What service discovery tells of nodes (XEP-0060 §5.1 to §5.5), to those who may know.
 */
#include <inttypes.h>
#include <string.h>

#include "c2s/pubsub/access.h"
#include "c2s/pubsub/namespaces.h"
#include "c2s/pubsub/pubsub.h"
#include "c2s/sm/disco.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/form.h"

/* Items of one answer. */
#define ITEMS_MAX 100

static const struct db_statement list_items = {
    .name = "pubsub_discover_items",
    .sql = "SELECT item FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint"
           " ORDER BY seq DESC LIMIT $3::bigint",
    .parameters = 3,
};

static const struct pubsub_node *find(const struct account *account, const char *name,
                                      const struct jid *who)
{
    const struct pubsub_node *node = node_find(account, name);

    return node && access_to_see(account, node, who) ? node : NULL;
}

/* §5.4: what is configured, and what has come about. */
static void add_meta(struct element *query, const struct pubsub_node *node)
{
    struct element *form = form_add(query, "result", FORM_META_DATA);
    char created[DATETIME_SIZE];

    datetime_format(node->created_us, created);
    form_add_field(form, "pubsub#creator", "jid-single", node->creator);
    form_add_field(form, "pubsub#creation_date", "text-single", created);
    form_add_field(form, "pubsub#num_subscribers", "text-single",
                   arena_printf(query->arena, "%u", HASH_COUNT(node->subscribers)));
    options_add_meta(form, &node->options);
}

bool pubsub_disco_info(const struct account *account, const char *name, const struct jid *who,
                       struct element *query)
{
    const struct pubsub_node *node = find(account, name, who);
    struct element *identity;

    if (!node)
        return false;
    identity = element_add(query, NS_DISCO_INFO, "identity");
    element_set(identity, "category", "pubsub");
    element_set(identity, "type", "leaf");
    element_set(element_add(query, NS_DISCO_INFO, "feature"), "var", NS_PUBSUB);
    add_meta(query, node);
    return true;
}

void pubsub_disco_nodes(const struct account *account, const struct jid *who, struct element *query)
{
    PUBSUB_NODES(node, account)
    {
        const char *title = options_get(&node->options, OPTION_TITLE);
        struct element *item;

        if (!access_to_see(account, node, who))
            continue;
        item = element_add(query, NS_DISCO_ITEMS, "item");
        element_set(item, "jid", account->jid->bare);
        element_set(item, "node", node->name);
        element_set(item, "name", *title ? title : NULL);
    }
}

/* §5.5: without 'node', since they are no nodes. */
static void on_items(struct account *account, int status, const struct db_result *results,
                     void *user)
{
    struct sm_request *request = user;
    struct stanza *reply;
    struct element *query;

    if (status < 0) {
        sm_fail(request, status);
        return;
    }
    reply = stanza_result(request->iq);
    query = element_add(reply->root, NS_DISCO_ITEMS, "query");
    element_set(query, "node", element_get(request->payload, "node"));
    for (size_t row = 0; row < db_rows(&results[0]); row++) {
        struct element *item = element_add(query, NS_DISCO_ITEMS, "item");

        element_set(item, "jid", account->jid->bare);
        element_set(item, "name", db_get_text(&results[0], row, 0));
    }
    sm_reply_take(request, reply);
}

bool pubsub_disco_items(struct sm_request *request, const char *name)
{
    struct account *account = request->account;
    const struct pubsub_node *node = find(account, name, &request->iq->from);

    if (!node || access_to_read(account, node, &request->iq->from).condition >= 0)
        return false;
    sm_query(account, sm_access_of(request), &list_items,
             (const struct db_value[]){DB_INT(account->owner), DB_INT(node->id), DB_INT(ITEMS_MAX)},
             on_items, request);
    return true;
}
