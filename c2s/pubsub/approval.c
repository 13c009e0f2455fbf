/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Owners approve of subscribers (XEP-0060 §8.6): a form in a message to each of them, and its
 * answer. The requests wait until then; they are of type normal, so that an owner who is away finds
 * them later.
 */
#include <string.h>

#include "c2s/pubsub/notify.h"
#include "c2s/pubsub/subscribe.h"
#include "common/tls/crypto.h"
#include "common/xmpp/form.h"

#define ID_RANDOM_BYTES 8

static void ask_owner(struct account *account, const struct pubsub_node *node,
                      const struct jid *jid, const struct jid *owner)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct element *form;
    char id[2 * ID_RANDOM_BYTES + 1];

    crypto_random_hex(id, ID_RANDOM_BYTES);
    element_set(message->root, "id", id);
    stanza_set_from(message, account->jid);
    form = form_add(message->root, "form", FORM_AUTHORIZE);
    element_add_with_text(form, NS_DATA_FORM, "title", "A subscription waits for approval");
    form_add_field(form, "pubsub#node", "text-single", node->name);
    form_add_field(form, "pubsub#subscriber_jid", "jid-single", jid->full);
    form_add_field(form, "pubsub#allow", "boolean", "0");
    notify_one_take(account, message, owner);
}

void approval_ask(struct account *account, const struct pubsub_node *node, const struct jid *jid)
{
    if (pubsub_kind(account) == PUBSUB_ACCOUNT)
        ask_owner(account, node, jid, account->jid);
    for (const struct pubsub_affiliate *one = node->affiliates; one; one = one->hh.next) {
        if (one->affiliation == AFFILIATION_OWNER)
            ask_owner(account, node, jid, one->jid);
    }
}

static void decide(struct account *account, const struct element *form, const struct jid *owner)
{
    const char *name = form_get(form, "pubsub#node"), *allow = form_get(form, "pubsub#allow");
    const char *subscriber = form_get(form, "pubsub#subscriber_jid");
    const struct pubsub_node *node = name ? node_find(account, name) : NULL;
    const struct pubsub_subscriber *one;
    struct jid jid;

    if (!node || !allow || !subscriber || jid_parse(form->arena, subscriber, &jid) < 0 ||
        node_affiliation(account, node, owner) != AFFILIATION_OWNER)
        return;
    one = node_subscriber(node, jid.full);
    if (one && one->state == SUBSCRIPTION_IS_PENDING)
        subscription_write(account, node, one->jid,
                           xml_is_true(allow) ? SUBSCRIPTION_IS_SUBSCRIBED : SUBSCRIPTION_IS_NONE,
                           one->deliver, NULL);
}

bool approval_answered(struct account *account, const struct stanza *message)
{
    const struct element *form;

    if (message->kind != STANZA_MESSAGE || message->type == MESSAGE_ERROR || !message->has_from ||
        message->to.resource)
        return false;
    form = form_submitted(message->root, FORM_AUTHORIZE);
    if (!form || !form_get(form, "FORM_TYPE") ||
        strcmp(form_get(form, "FORM_TYPE"), FORM_AUTHORIZE) != 0)
        return false;
    decide(account, form, &message->from);
    return true;
}
