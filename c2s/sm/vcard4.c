/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * vCard4 (XEP-0292): an item of a node that everybody may read (c2s/pubsub/defaults.c), and the
 * same asked for and set by iq, as clients do that know no nodes. It is another thing than the
 * vCard of XEP-0054, and neither is made of the other.
 */
#include "c2s/pubsub/pubsub.h"
#include "c2s/sm/sm.h"

#define NS_VCARD4 "urn:ietf:params:xml:ns:vcard-4.0"
#define NODE      "urn:xmpp:vcard4"
/* There is one, whoever sets it. */
#define ITEM "current"

static void on_read(struct account *account, int status, const struct pubsub_item *item, void *user)
{
    struct sm_request *request = user;
    struct stanza *reply;

    (void)account;
    if (status < 0) {
        sm_fail(request, status);
    } else if (!item || !item->payload || !element_is(item->payload, NS_VCARD4, "vcard")) {
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
    } else {
        reply = stanza_result(request->iq);
        element_add_copy(reply->root, item->payload);
        sm_reply_take(request, reply);
    }
}

/* Whoever may not read it is told what is told of nobody. */
static void get(struct sm_request *request)
{
    if (request->addressed == SM_TO_SELF ||
        pubsub_may_read(request->account, NODE, &request->iq->from))
        pubsub_read(request->account, NODE, NULL, on_read, request);
    else
        sm_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
}

static void on_published(struct account *account, int status, void *user)
{
    struct sm_request *request = user;

    (void)account;
    if (status == 0)
        sm_result(request);
    else
        sm_fail(request, status);
}

static void set(struct sm_request *request)
{
    pubsub_publish(request->account, NODE, ITEM, request->payload, NULL, on_published, request);
}

static void set_other(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

static const struct sm_iq iqs[] = {
    {NS_VCARD4, "vcard", SM_GET, SM_TO_SELF | SM_TO_ACCOUNT, get},
    {NS_VCARD4, "vcard", SM_SET, SM_TO_SELF, set},
    {NS_VCARD4, "vcard", SM_SET, SM_TO_ACCOUNT, set_other},
    {0},
};

static const char *const features[] = {NS_VCARD4, NULL};
static const struct spec specs[] = {{"XEP-0292", "0.12.0", NULL}, {0}};

const struct sm_module vcard4_module = {
    .name = "vcard4",
    .specs = specs,
    .account_features = features,
    .iqs = iqs,
};
