/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who hears of an event.
 */
#include "c2s/pubsub/notify.h"

#include <string.h>

#include "c2s/pubsub/access.h"
#include "c2s/pubsub/contacts.h"
#include "c2s/pubsub/namespaces.h"
#include "common/tls/crypto.h"

#define ID_RANDOM_BYTES 8

static enum stanza_type type_of(const struct pubsub_node *node)
{
    static const struct {
        const char *name;
        enum stanza_type type;
    } types[] = {{"normal", MESSAGE_NORMAL}, {"chat", MESSAGE_CHAT}};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (options_is(&node->options, OPTION_NOTIFICATION_TYPE, types[i].name))
            return types[i].type;
    }
    return MESSAGE_HEADLINE;
}

static struct stanza *message_new(const struct account *account, enum stanza_type type)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, type);
    char id[2 * ID_RANDOM_BYTES + 1];

    crypto_random_hex(id, ID_RANDOM_BYTES);
    element_set(message->root, "id", id);
    stanza_set_from(message, account->jid);
    return message;
}

struct stanza *notify_new(const struct account *account, const struct pubsub_node *node,
                          struct element **event)
{
    struct stanza *message = message_new(account, type_of(node));

    *event = element_add(message->root, NS_PUBSUB_EVENT, "event");
    return message;
}

struct element *notify_add_item(struct element *items, const struct account *account,
                                const char *id, const char *publisher,
                                const struct element *payload)
{
    struct element *item = element_add(items, items->ns, "item");
    size_t length = strlen(account->jid->bare);

    element_set(item, "id", id);
    /* What an account publishes on its own nodes is its own. */
    if (publisher && *publisher &&
        (strncmp(publisher, account->jid->bare, length) != 0 ||
         (publisher[length] != '/' && publisher[length] != '\0')))
        element_set(item, "publisher", publisher);
    if (payload)
        element_add_copy(item, payload);
    return item;
}

void notify_one_take(struct account *account, struct stanza *message, const struct jid *to)
{
    if (!sm_blocks(account, to)) {
        stanza_set_to(message, to);
        sm_route(account->sm, message);
    }
    stanza_unref(message);
}

static void send(struct account *account, const struct stanza *message, const struct jid *to)
{
    notify_one_take(account, stanza_copy(message), to);
}

static void to_subscribers(struct account *account, const struct pubsub_node *node,
                           const struct stanza *message)
{
    for (const struct pubsub_subscriber *one = node->subscribers; one; one = one->hh.next) {
        if (one->state == SUBSCRIPTION_IS_SUBSCRIBED && one->deliver &&
            access_to_read(account, node, one->jid).condition < 0)
            send(account, message, one->jid);
    }
}

static bool has_subscribed(const struct pubsub_node *node, const struct jid *jid)
{
    return node_subscriber(node, jid->full) || node_subscriber(node, jid->bare);
}

/* XEP-0163 §4.3.1: without being asked; to a device as it says it wants it. */
static void to_devices(struct account *account, const struct pubsub_node *node,
                       const struct stanza *message)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session_available(session) && contacts_session_wants(session, node->name) &&
            !has_subscribed(node, session->jid)) {
            struct stanza *copy = stanza_copy(message);

            stanza_set_to(copy, session->jid);
            session_send_take(session, copy);
        }
    }
}

static void to_contacts(struct account *account, const struct pubsub_node *node,
                        const struct stanza *message)
{
    const struct contact *contact;

    CONTACTS(contact, account)
    {
        if (contact_wants(contact, node->name) && !has_subscribed(node, contact->jid) &&
            access_to_read(account, node, contact->jid).condition < 0)
            send(account, message, contact->jid);
    }
}

void notify_all_take(struct account *account, const struct pubsub_node *node,
                     struct stanza *message)
{
    if (options_on(&node->options, OPTION_DELIVER_NOTIFICATIONS)) {
        to_devices(account, node, message);
        to_subscribers(account, node, message);
        to_contacts(account, node, message);
    }
    stanza_unref(message);
}

void notify_subscription(struct account *account, const struct pubsub_node *node,
                         const struct jid *jid, enum pubsub_state state)
{
    struct stanza *message = message_new(account, MESSAGE_HEADLINE);
    struct element *event = element_add(message->root, NS_PUBSUB_EVENT, "event");
    struct element *subscription = element_add(event, NS_PUBSUB_EVENT, "subscription");

    element_set(subscription, "node", node->name);
    element_set(subscription, "jid", jid->full);
    element_set(subscription, "subscription", state_name(state));
    notify_one_take(account, message, jid);
}
