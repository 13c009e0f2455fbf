/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Creating nodes.
 */
#include "c2s/pubsub/create.h"

#include <string.h>

#include "c2s/pubsub/configure.h"
#include "c2s/pubsub/defaults.h"
#include "c2s/pubsub/store.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/tls/crypto.h"
#include "common/xmpp/form.h"

#define NAME_RANDOM_BYTES 12

bool create_is_allowed(const struct account *account, const struct jid *who)
{
    if (pubsub_kind(account) == PUBSUB_ACCOUNT)
        return jid_bare_equal(account->jid, who);
    return who->local && sm_is_ours(account->sm, who);
}

static int apply(const struct account *account, struct pubsub_node *node,
                 const struct pubsub_setting *settings)
{
    const struct pubsub_option_limits limits = pubsub_limits(account->sm);
    int error = 0;

    for (; settings && settings->var && error == 0; settings++)
        error = options_set(&node->options, settings->var, settings->value, &limits);
    return error;
}

static struct pubsub_node *make(const struct account *account, const char *name,
                                const struct jid *creator)
{
    struct pubsub_node *node = node_new(0, name, pubsub_kind(account));

    node->creator = xstrdup(creator->bare);
    node->created_us = clock_wall_us();
    if (!jid_bare_equal(creator, account->jid))
        node_affiliate(node, creator, AFFILIATION_OWNER);
    if (pubsub_kind(account) == PUBSUB_ACCOUNT)
        (void)!apply(account, node, defaults_of(name)); /* nothing there has a limit */
    return node;
}

static bool is_full(const struct account *account)
{
    return node_count(account) >= account->sm->limits.pubsub_nodes;
}

struct pubsub_refusal create_node(struct account *account, const char *name,
                                  const struct jid *creator, const struct element *form,
                                  struct pubsub_node **made)
{
    struct pubsub_refusal refusal = {STANZA_RESOURCE_CONSTRAINT, "max-nodes-exceeded", NULL};

    if (is_full(account)) {
        limit_reached("pubsub-nodes");
        return refusal;
    }
    *made = make(account, name, creator);
    refusal = form ? configure_apply(account, &(*made)->options, form)
                   : (struct pubsub_refusal){.condition = -1};
    if (refusal.condition >= 0) {
        node_free(*made);
        *made = NULL;
    }
    return refusal;
}

int create_node_with(struct account *account, const char *name,
                     const struct pubsub_setting *settings, struct pubsub_node **made)
{
    if (is_full(account))
        return ERR_LIMIT;
    *made = make(account, name, account->jid);
    return apply(account, *made, settings);
}

void create_write(struct sm_unit *unit, const struct account *account,
                  const struct pubsub_node *node)
{
    store_node(unit, account->owner, node);
    for (const struct pubsub_affiliate *one = node->affiliates; one; one = one->hh.next)
        store_affiliation(unit, account->owner, node->id, one->jid, one->affiliation);
}

/* --- asked for --- */

struct creation {
    struct sm_request *request;
    struct pubsub_node *node;
};

static void on_written(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct creation *creation = user;
    struct sm_request *request = creation->request;
    struct stanza *reply;

    (void)results;
    if (status < 0) {
        node_free(creation->node);
        sm_fail(request, status);
    } else {
        struct element *pubsub = pubsub_result(request, NS_PUBSUB, &reply);

        element_set(element_add(pubsub, NS_PUBSUB, "create"), "node", creation->node->name);
        node_insert_take(account, creation->node);
        sm_reply_take(request, reply);
    }
    free(creation);
}

static void write(struct pubsub_call *call, struct pubsub_node *node)
{
    struct creation *creation = xcalloc(1, sizeof(*creation));
    struct sm_unit *unit = sm_unit_new(call->account, SM_WRITE);

    node->id = sm_next_seq(unit);
    creation->request = call->request;
    creation->node = node;
    create_write(unit, call->account, node);
    sm_submit(unit, on_written, creation);
}

static bool is_collection(const struct element *form)
{
    const char *type = form ? form_get(form, "pubsub#node_type") : NULL;

    return type && strcmp(type, "leaf") != 0;
}

void create_handle(struct pubsub_call *call)
{
    const struct element *configure = element_find(call->pubsub, NS_PUBSUB, "configure");
    const struct element *form = configure ? form_submitted(configure, FORM_NODE_CONFIG) : NULL;
    struct pubsub_refusal refusal;
    struct pubsub_node *node;
    char random[2 * NAME_RANDOM_BYTES + 1];

    crypto_random_hex(random, NAME_RANDOM_BYTES);
    if (!create_is_allowed(call->account, call_from(call))) {
        pubsub_error(call->request, STANZA_FORBIDDEN, NULL);
    } else if (call->node) {
        pubsub_error(call->request, STANZA_CONFLICT, NULL);
    } else if (call->name && strlen(call->name) > PUBSUB_NAME_MAX) {
        pubsub_error(call->request, STANZA_NOT_ACCEPTABLE, NULL);
    } else if (is_collection(form)) {
        pubsub_unsupported(call->request, "collections");
    } else {
        refusal = create_node(call->account, call->name ? call->name : random, call_from(call),
                              form, &node);
        if (refusal.condition >= 0)
            pubsub_refuse(call->request, refusal);
        else
            write(call, node);
    }
}
