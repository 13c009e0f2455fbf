/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Publishing.
 */
#include "c2s/pubsub/publish.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/configure.h"
#include "c2s/pubsub/create.h"
#include "c2s/pubsub/hooks.h"
#include "c2s/pubsub/notify.h"
#include "c2s/pubsub/store.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/tls/crypto.h"
#include "common/xmpp/form.h"

#define ID_RANDOM_BYTES 16

/* One item on its way; everything it names is in `arena`. */
struct publication {
    struct arena *arena;
    struct account *account;
    struct jid publisher;
    struct pubsub_item item;
    struct pubsub_node *made; /* not among the account's nodes yet; NULL: it is there */
    char *xml;
    bool stored;
    struct sm_request *request; /* NULL: pubsub_publish() */
    pubsub_done *done;
    void *user;
};

/* The first statements of a unit that stores. */
enum { RESULT_ITEM, RESULT_TRIM, RESULT_EXPIRE, RESULT_COUNT };

/* What a publication fails with before anything is written. */
static struct pubsub_refusal refuse(enum stanza_condition condition, const char *name)
{
    return (struct pubsub_refusal){(int)condition, name, NULL};
}

static const struct pubsub_refusal accepted = {.condition = -1};

static void publication_free(struct publication *publication)
{
    if (publication->made)
        node_free(publication->made);
    free(publication->xml);
    arena_free(publication->arena);
    free(publication);
}

static const struct pubsub_node *node_of(const struct publication *publication)
{
    return publication->made ? publication->made
                             : node_find(publication->account, publication->item.node);
}

/* --- what is asked for --- */

/* §7.1.3.6: one payload, and of the type the node is for. */
static struct pubsub_refusal check_payload(const struct publication *publication,
                                           const struct pubsub_options *options)
{
    const struct element *payload = publication->item.payload;
    const char *type = options_get(options, OPTION_TYPE);

    if (!payload)
        return options_on(options, OPTION_DELIVER_PAYLOADS)
                   ? refuse(STANZA_BAD_REQUEST, "payload-required")
                   : accepted;
    if (element_next(payload) || (*type && strcmp(type, payload->ns) != 0))
        return refuse(STANZA_BAD_REQUEST, "invalid-payload");
    return accepted;
}

/* §7.1.3.5 and what an account may have in all. */
static struct pubsub_refusal check_size(const struct publication *publication,
                                        const struct pubsub_node *node)
{
    const struct account *account = publication->account;
    const struct sm_limits *limits = &account->sm->limits;
    int64_t size = (int64_t)strlen(publication->xml);
    bool replaces = options_number(&node->options, OPTION_MAX_ITEMS, INT64_MAX) == 1;

    if (size > options_number(&node->options, OPTION_MAX_PAYLOAD_SIZE,
                              (int64_t)limits->pubsub_item_bytes)) {
        limit_reached("pubsub-item-size");
        return refuse(STANZA_NOT_ACCEPTABLE, "payload-too-big");
    }
    if (publication->stored && account->pubsub->bytes - (replaces ? node->bytes : 0) + size >
                                   (int64_t)limits->pubsub_bytes) {
        limit_reached("pubsub-size");
        return refuse(STANZA_RESOURCE_CONSTRAINT, NULL);
    }
    return accepted;
}

static struct pubsub_refusal check_hooks(const struct publication *publication)
{
    int condition = hooks_check(publication->account, &publication->item);

    return condition < 0 ? accepted : refuse((enum stanza_condition)condition, NULL);
}

static struct pubsub_refusal check(struct publication *publication)
{
    const struct pubsub_node *node = node_of(publication);
    struct pubsub_refusal refusal = check_payload(publication, &node->options);

    publication->stored = options_on(&node->options, OPTION_PERSIST_ITEMS);
    publication->xml =
        publication->item.payload ? sm_format(publication->item.payload) : xstrdup("");
    if (refusal.condition < 0)
        refusal = check_size(publication, node);
    return refusal.condition < 0 ? check_hooks(publication) : refusal;
}

/* --- told --- */

static void tell(struct publication *publication, const struct pubsub_node *node)
{
    struct element *event, *items;
    struct stanza *message = notify_new(publication->account, node, &event);
    bool with_payload = options_on(&node->options, OPTION_DELIVER_PAYLOADS);

    items = element_add(event, event->ns, "items");
    element_set(items, "node", node->name);
    notify_add_item(items, publication->account, publication->item.id, publication->publisher.full,
                    with_payload ? publication->item.payload : NULL);
    notify_all_take(publication->account, node, message);
}

/* The id is told whether the publisher chose it or not (§7.1.2). */
static void answer(struct publication *publication)
{
    struct stanza *reply;
    struct element *pubsub = pubsub_result(publication->request, NS_PUBSUB, &reply);
    struct element *publish = element_add(pubsub, NS_PUBSUB, "publish");

    element_set(publish, "node", publication->item.node);
    element_set(element_add(publish, NS_PUBSUB, "item"), "id", publication->item.id);
    sm_reply_take(publication->request, reply);
}

/* error: what features hear. */
static void end(struct publication *publication, int error, struct pubsub_refusal refusal)
{
    if (publication->request && refusal.condition >= 0)
        pubsub_refuse(publication->request, refusal);
    else if (publication->request)
        sm_fail(publication->request, error);
    else if (publication->done)
        publication->done(publication->account, error, publication->user);
    publication_free(publication);
}

static void take_node(struct publication *publication)
{
    if (publication->made)
        node_insert_take(publication->account, publication->made);
    publication->made = NULL;
}

/* Answered when all that follows is stored too: who hears of no result publishes it again. */
static void on_followed(struct account *account, int status, void *user)
{
    struct publication *publication = user;

    if (publication->request && status == 0)
        answer(publication);
    tell(publication, node_find(account, publication->item.node));
    if (publication->request && status < 0)
        sm_fail(publication->request, status);
    else if (publication->done)
        publication->done(account, status, publication->user);
    publication_free(publication);
}

static void on_written(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct publication *publication = user;

    if (status < 0) {
        end(publication, status, accepted);
        return;
    }
    take_node(publication);
    if (publication->stored && db_affected(&results[RESULT_ITEM]) == 0) {
        end(publication, ERR_DENIED, refuse(STANZA_CONFLICT, "node-full"));
        return;
    }
    if (publication->stored) {
        const struct db_result *count = &results[RESULT_COUNT];

        node_count_items(account, node_find(account, publication->item.node),
                         db_get_int(count, 0, 0), db_get_int(count, 0, 1), db_get_int(count, 0, 2));
    }
    hooks_published(account, &publication->item, on_followed, publication);
}

/* --- written --- */

static void add_item(struct publication *publication, struct sm_unit *unit, int64_t seq,
                     const struct pubsub_node *node)
{
    const struct account *account = publication->account;
    const struct pubsub_options *options = &node->options;
    int64_t most =
        options_number(options, OPTION_MAX_ITEMS, (int64_t)account->sm->limits.pubsub_items);
    bool rejects = options_is(options, OPTION_PUBLISH_NODE_FULL, "reject");
    const struct store_item item = {.node = node->id,
                                    .seq = seq,
                                    .id = publication->item.id,
                                    .publisher = publication->publisher.full,
                                    .xml = publication->xml};

    store_item(unit, account->owner, &item, rejects ? most : -1);
    store_trim(unit, account->owner, node->id, most, options_expiry(options));
    store_count(unit, account->owner, node->id);
}

static void write(struct publication *publication)
{
    struct account *account = publication->account;
    const struct pubsub_node *node = node_of(publication);
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);
    int64_t seq = sm_next_seq(unit);

    if (publication->made)
        publication->made->id = sm_next_seq(unit);
    if (publication->stored)
        add_item(publication, unit, seq, node);
    if (publication->made)
        create_write(unit, account, publication->made);
    hooks_write(account, &publication->item, unit);
    sm_submit(unit, on_written, publication);
}

static struct publication *publication_new(struct account *account, const struct jid *publisher,
                                           const char *node, const char *id,
                                           const struct element *payload)
{
    struct publication *publication = xcalloc(1, sizeof(*publication));
    struct arena *arena = publication->arena = arena_new();
    char random[2 * ID_RANDOM_BYTES + 1];

    crypto_random_hex(random, ID_RANDOM_BYTES);
    publication->account = account;
    if (jid_parse(arena, publisher->full, &publication->publisher) < 0)
        publication->publisher = *account->jid;
    publication->item.node = arena_strdup(arena, node);
    publication->item.id = arena_strdup(arena, id ? id : random);
    publication->item.payload = payload ? element_copy(arena, payload) : NULL;
    return publication;
}

/* --- a client's --- */

/* §7.1: none or one item; several at once are not served (§13.11). */
static struct pubsub_refusal read_item(const struct pubsub_call *call, const char **id,
                                       const struct element **payload)
{
    const struct element *item = element_find(call->action, NS_PUBSUB, "item");

    *id = NULL;
    *payload = NULL;
    if (!item)
        return refuse(STANZA_BAD_REQUEST, "item-required");
    if (element_next(item))
        return refuse(STANZA_NOT_ALLOWED, "max-items-exceeded");
    *id = element_get(item, "id");
    if (*id && (!**id || strlen(*id) > PUBSUB_NAME_MAX))
        return refuse(STANZA_BAD_REQUEST, "item-required");
    *payload = element_first(item);
    if (*payload && element_next(*payload))
        return refuse(STANZA_BAD_REQUEST, "invalid-payload");
    return accepted;
}

/* The node as it is, if it meets the preconditions (§7.1.5), or a new one that does; an account
 * creates its own, a service whatever its users publish to (§7.1.4). */
static struct pubsub_refusal find_node(struct pubsub_call *call, struct pubsub_node **made)
{
    const struct element *options = element_find(call->pubsub, NS_PUBSUB, "publish-options");
    const struct element *form = options ? form_submitted(options, FORM_PUBLISH_OPTIONS) : NULL;

    *made = NULL;
    if (call->node) {
        if (!access_to_publish(call->account, call->node, call_from(call)))
            return refuse(STANZA_FORBIDDEN, NULL);
        return form ? configure_compare(call->account, &call->node->options, form) : accepted;
    }
    if (!create_is_allowed(call->account, call_from(call)))
        return refuse(STANZA_ITEM_NOT_FOUND, NULL);
    return create_node(call->account, call->name, call_from(call), form, made);
}

void publish_handle(struct pubsub_call *call)
{
    const struct element *payload;
    struct publication *publication;
    struct pubsub_node *made;
    const char *id;
    struct pubsub_refusal refusal = read_item(call, &id, &payload);

    if (refusal.condition < 0)
        refusal = find_node(call, &made);
    if (refusal.condition >= 0) {
        pubsub_refuse(call->request, refusal);
        return;
    }
    publication = publication_new(call->account, call_from(call), call->name, id, payload);
    publication->made = made;
    publication->request = call->request;
    refusal = check(publication);
    if (refusal.condition >= 0)
        end(publication, ERR_DENIED, refusal);
    else
        write(publication);
}

/* --- a feature's --- */

static void end_later(void *user)
{
    struct publication *publication = user;
    struct account *account = publication->account;

    end(publication, ERR_DENIED, accepted);
    account_release(account);
}

static int make_node(struct publication *publication, const struct pubsub_setting *settings)
{
    struct account *account = publication->account;

    if (node_find(account, publication->item.node))
        return 0;
    return create_node_with(account, publication->item.node, settings, &publication->made);
}

void pubsub_publish(struct account *account, const char *node, const char *id,
                    const struct element *payload, const struct pubsub_setting *settings,
                    pubsub_done *done, void *user)
{
    struct publication *publication = publication_new(account, account->jid, node, id, payload);

    publication->item.from_hook = true;
    publication->done = done;
    publication->user = user;
    if (make_node(publication, settings) < 0 || check(publication).condition >= 0) {
        account_hold(account);
        loop_defer(account->sm->loop, end_later, publication);
        return;
    }
    write(publication);
}
