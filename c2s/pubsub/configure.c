/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Configuration of nodes.
 */
#include "c2s/pubsub/configure.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/notify.h"
#include "c2s/pubsub/store.h"
#include "common/base/error.h"
#include "common/xmpp/form.h"

static const struct pubsub_refusal accepted = {.condition = -1};

static bool is_precondition(const struct element *form)
{
    const char *type = form_get(form, "FORM_TYPE");

    return type && strcmp(type, FORM_PUBLISH_OPTIONS) == 0;
}

/* An access model that this service has not (§8.1.2) has a condition of its own. */
static struct pubsub_refusal refusal_of(int error, const struct element *field,
                                        const struct element *form)
{
    if (is_precondition(form))
        return (struct pubsub_refusal){STANZA_CONFLICT, "precondition-not-met", NULL};
    if (error == ERR_INVALID && strcmp(element_get(field, "var"), "pubsub#access_model") == 0)
        return (struct pubsub_refusal){STANZA_NOT_ACCEPTABLE, "unsupported-access-model", NULL};
    return (struct pubsub_refusal){STANZA_NOT_ACCEPTABLE, NULL, NULL};
}

struct pubsub_refusal configure_apply(const struct account *account, struct pubsub_options *options,
                                      const struct element *form)
{
    const struct pubsub_option_limits limits = pubsub_limits(account->sm);
    bool strict = is_precondition(form);

    FORM_FIELDS(field, form)
    {
        int error = options_set(options, element_get(field, "var"), form_values(field), &limits);

        if (error < 0 && (strict || error != ERR_NOT_FOUND))
            return refusal_of(error, field, form);
    }
    return accepted;
}

struct pubsub_refusal configure_compare(const struct account *account,
                                        const struct pubsub_options *options,
                                        const struct element *form)
{
    const struct pubsub_option_limits limits = pubsub_limits(account->sm);

    FORM_FIELDS(field, form)
    {
        bool equal = false;
        int error = options_compare(options, element_get(field, "var"), form_values(field), &limits,
                                    &equal);

        if (error < 0 || !equal)
            return (struct pubsub_refusal){STANZA_CONFLICT, "precondition-not-met", NULL};
    }
    return accepted;
}

void configure_get(struct pubsub_call *call)
{
    struct stanza *reply;
    struct element *pubsub = pubsub_result(call->request, NS_PUBSUB_OWNER, &reply);
    struct element *configure = element_add(pubsub, NS_PUBSUB_OWNER, "configure");

    element_set(configure, "node", call->name);
    options_add_form(configure, "form", &call->node->options);
    sm_reply_take(call->request, reply);
}

void configure_get_default(struct pubsub_call *call)
{
    const char *type = element_get(call->action, "type");
    struct pubsub_options defaults;
    struct stanza *reply;

    if (type && strcmp(type, "leaf") != 0) {
        pubsub_unsupported(call->request, "collections");
        return;
    }
    options_init(&defaults, pubsub_kind(call->account));
    struct element *pubsub = pubsub_result(call->request, NS_PUBSUB_OWNER, &reply);
    options_add_form(element_add(pubsub, NS_PUBSUB_OWNER, "default"), "form", &defaults);
    options_fini(&defaults);
    sm_reply_take(call->request, reply);
}

/* --- changed --- */

struct change {
    struct sm_request *request;
    char *name;
    struct pubsub_options options;
};

/* §8.2.5.3 */
static void tell(struct account *account, const struct pubsub_node *node)
{
    struct element *event, *configuration;
    struct stanza *message;

    if (!options_on(&node->options, OPTION_NOTIFY_CONFIG))
        return;
    message = notify_new(account, node, &event);
    configuration = element_add(event, event->ns, "configuration");
    element_set(configuration, "node", node->name);
    if (options_on(&node->options, OPTION_DELIVER_PAYLOADS))
        options_add_form(configuration, "result", &node->options);
    notify_all_take(account, node, message);
}

static void on_written(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct change *change = user;
    struct pubsub_node *node;

    if (status < 0) {
        sm_fail(change->request, status);
    } else {
        node = node_find(account, change->name);
        options_fini(&node->options);
        options_copy(&node->options, &change->options);
        node_count_items(account, node, db_get_int(&results[3], 0, 0),
                         db_get_int(&results[3], 0, 1), db_get_int(&results[3], 0, 2));
        sm_result(change->request);
        tell(account, node);
    }
    options_fini(&change->options);
    free(change->name);
    free(change);
}

static void write(struct pubsub_call *call, struct pubsub_options *options)
{
    struct account *account = call->account;
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);
    struct change *change = xcalloc(1, sizeof(*change));
    struct pubsub_node copy = *call->node;

    change->request = call->request;
    change->name = xstrdup(call->name);
    change->options = copy.options = *options;
    store_node(unit, account->owner, &copy);
    store_trim(
        unit, account->owner, copy.id,
        options_on(options, OPTION_PERSIST_ITEMS)
            ? options_number(options, OPTION_MAX_ITEMS, (int64_t)account->sm->limits.pubsub_items)
            : 0,
        options_expiry(options));
    store_count(unit, account->owner, copy.id);
    sm_submit(unit, on_written, change);
}

void configure_set(struct pubsub_call *call)
{
    const struct element *form = form_submitted(call->action, FORM_NODE_CONFIG);
    struct pubsub_refusal refusal;
    struct pubsub_options options;

    if (!form && form_is_cancelled(call->action)) {
        sm_result(call->request);
        return;
    }
    if (!form) {
        sm_error(call->request, STANZA_BAD_REQUEST, NULL);
        return;
    }
    options_copy(&options, &call->node->options);
    refusal = configure_apply(call->account, &options, form);
    if (refusal.condition < 0) {
        write(call, &options);
        return;
    }
    options_fini(&options);
    pubsub_refuse(call->request, refusal);
}
