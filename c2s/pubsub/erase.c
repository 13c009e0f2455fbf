/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is taken back. One unit, then the answer, then who listens.
 */
#include "c2s/pubsub/erase.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/hooks.h"
#include "c2s/pubsub/notify.h"
#include "c2s/pubsub/store.h"

struct erasure {
    struct sm_request *request; /* NULL: pubsub_retract() */
    char *name, *id;            /* id: only of an item */
    bool notify;
    pubsub_done *done;
    void *user;
};

static struct erasure *erasure_new(struct sm_request *request, const char *name, const char *id)
{
    struct erasure *erasure = xcalloc(1, sizeof(*erasure));

    erasure->request = request;
    erasure->name = xstrdup(name);
    erasure->id = xstrdup_or_null(id);
    return erasure;
}

static void erasure_free(struct erasure *erasure)
{
    free(erasure->name);
    free(erasure->id);
    free(erasure);
}

static void fail(struct erasure *erasure, struct account *account, int status)
{
    if (erasure->request)
        sm_fail(erasure->request, status);
    else if (erasure->done)
        erasure->done(account, status, erasure->user);
    erasure_free(erasure);
}

/* <retract/> inside <items/>, <purge/> or <delete/>. */
static void tell(struct account *account, const struct pubsub_node *node, const char *what,
                 const char *id)
{
    struct element *event, *parent;
    struct stanza *message = notify_new(account, node, &event);

    parent = id ? element_add(event, event->ns, "items") : element_add(event, event->ns, what);
    element_set(parent, "node", node->name);
    if (id)
        element_set(element_add(parent, parent->ns, what), "id", id);
    notify_all_take(account, node, message);
}

/* --- one item --- */

enum { RESULT_ERASED, RESULT_COUNT };

static bool notifies(const struct erasure *erasure, const struct pubsub_node *node)
{
    return erasure->notify || options_on(&node->options, OPTION_NOTIFY_RETRACT);
}

static void on_retracted(struct account *account, int status, const struct db_result *results,
                         void *user)
{
    struct erasure *erasure = user;
    struct pubsub_node *node = status == 0 ? node_find(account, erasure->name) : NULL;
    bool erased = status == 0 && db_affected(&results[RESULT_ERASED]) > 0;

    if (status < 0) {
        fail(erasure, account, status);
        return;
    }
    node_count_items(account, node, db_get_int(&results[RESULT_COUNT], 0, 0),
                     db_get_int(&results[RESULT_COUNT], 0, 1),
                     db_get_int(&results[RESULT_COUNT], 0, 2));
    if (erasure->request && erased)
        sm_result(erasure->request);
    else if (erasure->request)
        pubsub_error(erasure->request, STANZA_ITEM_NOT_FOUND, NULL);
    if (erased && notifies(erasure, node))
        tell(account, node, "retract", erasure->id);
    if (erased)
        hooks_retracted(account, erasure->name, erasure->id);
    if (erasure->done)
        erasure->done(account, 0, erasure->user);
    erasure_free(erasure);
}

static void retract(struct account *account, const struct pubsub_node *node,
                    struct erasure *erasure, const char *publisher)
{
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);

    store_erase_item(unit, account->owner, node->id, erasure->id, publisher);
    store_count(unit, account->owner, node->id);
    sm_submit(unit, on_retracted, erasure);
}

/* Whoever may publish may take back what it has published itself; owners and publishers anything
 * (§4.1, §7.2.3.1). */
void erase_handle_retract(struct pubsub_call *call)
{
    const struct element *item = element_find(call->action, NS_PUBSUB, "item");
    const char *id = item ? element_get(item, "id") : NULL;
    const struct jid *from = call_from(call);
    struct erasure *erasure;

    if (!id || !*id || element_next(item)) {
        pubsub_error(call->request, STANZA_BAD_REQUEST, "item-required");
    } else if (!access_to_publish(call->account, call->node, from) ||
               call->affiliation == AFFILIATION_PUBLISH_ONLY) {
        pubsub_error(call->request, STANZA_FORBIDDEN, NULL);
    } else if (!options_on(&call->node->options, OPTION_PERSIST_ITEMS)) {
        pubsub_unsupported(call->request, "persistent-items");
    } else {
        erasure = erasure_new(call->request, call->name, id);
        erasure->notify = xml_is_true(element_get(call->action, "notify"));
        retract(call->account, call->node, erasure,
                call->affiliation >= AFFILIATION_PUBLISHER ? NULL : from->bare);
    }
}

static void end_later(struct account *account, int status, const struct db_result *results,
                      void *user)
{
    struct erasure *erasure = user;

    (void)results;
    if (erasure->done)
        erasure->done(account, status, erasure->user);
    erasure_free(erasure);
}

void pubsub_retract(struct account *account, const char *node, const char *id, bool notify,
                    pubsub_done *done, void *user)
{
    const struct pubsub_node *found = node_find(account, node);
    struct erasure *erasure = erasure_new(NULL, node, id);

    erasure->notify = notify;
    erasure->done = done;
    erasure->user = user;
    if (found)
        retract(account, found, erasure, NULL);
    else
        sm_submit(sm_unit_new(account, SM_WRITE), end_later, erasure);
}

/* --- all items --- */

static void on_purged(struct account *account, int status, const struct db_result *results,
                      void *user)
{
    struct erasure *erasure = user;
    struct pubsub_node *node;

    (void)results;
    if (status < 0) {
        fail(erasure, account, status);
        return;
    }
    node = node_find(account, erasure->name);
    node_count_items(account, node, 0, 0, 0);
    sm_result(erasure->request);
    if (options_on(&node->options, OPTION_NOTIFY_RETRACT))
        tell(account, node, "purge", NULL);
    hooks_retracted(account, erasure->name, NULL);
    erasure_free(erasure);
}

void erase_handle_purge(struct pubsub_call *call)
{
    struct sm_unit *unit;

    if (!options_on(&call->node->options, OPTION_PERSIST_ITEMS)) {
        pubsub_unsupported(call->request, "persistent-items");
        return;
    }
    unit = sm_unit_new(call->account, SM_WRITE);
    store_erase_items(unit, call->account->owner, call->node->id);
    sm_submit(unit, on_purged, erasure_new(call->request, call->name, NULL));
}

/* --- the node --- */

/* §8.4.2: those who wait for approval hear of it too. */
static void tell_pending(struct account *account, const struct pubsub_node *node)
{
    for (const struct pubsub_subscriber *one = node->subscribers; one; one = one->hh.next) {
        if (one->state == SUBSCRIPTION_IS_PENDING) {
            struct element *event;
            struct stanza *message = notify_new(account, node, &event);

            element_set(element_add(event, event->ns, "delete"), "node", node->name);
            notify_one_take(account, message, one->jid);
        }
    }
}

static void on_deleted(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct erasure *erasure = user;
    struct pubsub_node *node;

    (void)results;
    if (status < 0) {
        fail(erasure, account, status);
        return;
    }
    node = node_find(account, erasure->name);
    sm_result(erasure->request);
    if (options_on(&node->options, OPTION_NOTIFY_DELETE)) {
        tell(account, node, "delete", NULL);
        tell_pending(account, node);
    }
    node_remove(account, node);
    hooks_retracted(account, erasure->name, NULL);
    erasure_free(erasure);
}

void erase_handle_delete(struct pubsub_call *call)
{
    struct sm_unit *unit;

    if (element_find(call->action, NS_PUBSUB_OWNER, "redirect")) {
        pubsub_unsupported(call->request, "delete-nodes");
        return;
    }
    unit = sm_unit_new(call->account, SM_WRITE);
    store_erase_node(unit, call->account->owner, call->node->id);
    sm_submit(unit, on_deleted, erasure_new(call->request, call->name, NULL));
}
