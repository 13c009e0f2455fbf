/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The module: its rows, its features, and which hooks go where.
 */
#include "c2s/pubsub/contacts.h"
#include "c2s/pubsub/namespaces.h"
#include "c2s/pubsub/pubsub.h"
#include "c2s/pubsub/service.h"
#include "c2s/pubsub/store.h"
#include "c2s/pubsub/subscribe.h"

static void start(struct sm *sm)
{
    contacts_start(sm);
    services_start(sm);
}

static void stop(struct sm *sm)
{
    services_stop(sm);
    contacts_stop(sm);
}

static void loaded(struct account *account, const struct db_result *rows)
{
    account->pubsub = store_loaded(account, rows);
}

/* Contacts stay while the account is only read anew. */
static void unload(struct account *account)
{
    pubsub_free(account->pubsub);
    account->pubsub = NULL;
    if (account->state != ACCOUNT_LOADING)
        contacts_free(account);
}

static void leave(struct session *session)
{
    features_unref(session->account->sm, session->features);
    session->features = NULL;
}

static enum sm_verdict incoming(struct account *account, struct stanza *stanza)
{
    if (stanza->kind == STANZA_PRESENCE)
        contacts_incoming(account, stanza);
    if (approval_answered(account, stanza))
        return SM_HANDLED;
    return features_answered(account->sm, stanza) ? SM_HANDLED : SM_PASS;
}

static enum sm_verdict outgoing(struct session *session, struct stanza *stanza)
{
    return features_answered(session->account->sm, stanza) ? SM_HANDLED : SM_PASS;
}

static const struct sm_iq iqs[] = {
    {NS_PUBSUB, "pubsub", SM_GET | SM_SET, SM_TO_SELF | SM_TO_ACCOUNT | SM_TO_SERVICE,
     pubsub_request},
    {NS_PUBSUB_OWNER, "pubsub", SM_GET | SM_SET, SM_TO_SELF | SM_TO_ACCOUNT | SM_TO_SERVICE,
     pubsub_request},
    {NS_PUBSUB, "pubsub", SM_GET | SM_SET, SM_TO_NOBODY, pubsub_request_to_nobody},
    {NS_PUBSUB_OWNER, "pubsub", SM_GET | SM_SET, SM_TO_NOBODY, pubsub_request_to_nobody},
    {0},
};

#define FEATURE(name) NS_PUBSUB "#" name

/* Of accounts and of services; the rest needs a roster. */
#define COMMON_FEATURES                                                                            \
    FEATURE("access-authorize"), FEATURE("access-open"), FEATURE("access-whitelist"),              \
        FEATURE("auto-create"), FEATURE("config-node"), FEATURE("config-node-max"),                \
        FEATURE("create-and-configure"), FEATURE("create-nodes"), FEATURE("delete-items"),         \
        FEATURE("delete-nodes"), FEATURE("instant-nodes"), FEATURE("item-ids"),                    \
        FEATURE("last-published"), FEATURE("manage-subscriptions"), FEATURE("member-affiliation"), \
        FEATURE("meta-data"), FEATURE("modify-affiliations"), FEATURE("multi-items"),              \
        FEATURE("outcast-affiliation"), FEATURE("persistent-items"), FEATURE("publish"),           \
        FEATURE("publish-only-affiliation"), FEATURE("publish-options"),                           \
        FEATURE("publisher-affiliation"), FEATURE("purge-nodes"), FEATURE("retract-items"),        \
        FEATURE("retrieve-affiliations"), FEATURE("retrieve-default"),                             \
        FEATURE("retrieve-default-sub"), FEATURE("retrieve-items"),                                \
        FEATURE("retrieve-subscriptions"), FEATURE("rsm"), FEATURE("subscribe"),                   \
        FEATURE("subscription-notifications"), FEATURE("subscription-options")

static const char *const features[] = {
    NS_PUBSUB,
    COMMON_FEATURES,
    FEATURE("access-presence"),
    FEATURE("access-roster"),
    FEATURE("auto-subscribe"),
    FEATURE("filtered-notifications"),
    FEATURE("presence-notifications"),
    FEATURE("presence-subscribe"),
    NULL,
};

const char *const pubsub_service_features[] = {NS_PUBSUB, COMMON_FEATURES, NULL};

static const struct spec specs[] = {
    {"XEP-0060", "1.30.0", "no collections, no subscription identifiers"},
    {"XEP-0163", "1.2.2", NULL},
    {"XEP-0222", "1.0", NULL},
    {"XEP-0223", "1.1.1", NULL},
    {0}};

const struct sm_module pubsub_module = {
    .name = "pubsub",
    .specs = specs,
    .account_features = features,
    .iqs = iqs,
    .start = start,
    .stop = stop,
    .load = &store_load_nodes,
    .loaded = loaded,
    .unload = unload,
    .session_presence = contacts_session_presence,
    .session_closed = leave,
    .outgoing = outgoing,
    .incoming = incoming,
};
