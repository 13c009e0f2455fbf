/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The actions of publish-subscribe, by namespace and name.
 */
#include "c2s/pubsub/configure.h"
#include "c2s/pubsub/create.h"
#include "c2s/pubsub/erase.h"
#include "c2s/pubsub/items.h"
#include "c2s/pubsub/people.h"
#include "c2s/pubsub/publish.h"
#include "c2s/pubsub/request.h"
#include "c2s/pubsub/subscribe.h"

const struct pubsub_action pubsub_actions[] = {
    {NS_PUBSUB, "publish", SM_SET, NODE_NAMED, publish_handle},
    {NS_PUBSUB, "retract", SM_SET, NODE_EXISTS, erase_handle_retract},
    {NS_PUBSUB, "items", SM_GET, NODE_EXISTS, items_handle},
    {NS_PUBSUB, "create", SM_SET, NODE_ANY, create_handle},
    {NS_PUBSUB_OWNER, "configure", SM_GET, NODE_OWNED, configure_get},
    {NS_PUBSUB_OWNER, "configure", SM_SET, NODE_OWNED, configure_set},
    {NS_PUBSUB_OWNER, "default", SM_GET, NODE_ANY, configure_get_default},
    {NS_PUBSUB_OWNER, "purge", SM_SET, NODE_OWNED, erase_handle_purge},
    {NS_PUBSUB_OWNER, "delete", SM_SET, NODE_OWNED, erase_handle_delete},
    {NS_PUBSUB, "subscribe", SM_SET, NODE_EXISTS, subscribe_handle},
    {NS_PUBSUB, "unsubscribe", SM_SET, NODE_EXISTS, subscribe_handle_unsubscribe},
    {NS_PUBSUB, "options", SM_GET, NODE_EXISTS, subscribe_get_options},
    {NS_PUBSUB, "options", SM_SET, NODE_EXISTS, subscribe_set_options},
    {NS_PUBSUB, "default", SM_GET, NODE_ANY, subscribe_get_default},
    {NS_PUBSUB, "subscriptions", SM_GET, NODE_ANY, people_own_subscriptions},
    {NS_PUBSUB, "affiliations", SM_GET, NODE_ANY, people_own_affiliations},
    {NS_PUBSUB_OWNER, "subscriptions", SM_GET, NODE_OWNED, people_subscriptions},
    {NS_PUBSUB_OWNER, "subscriptions", SM_SET, NODE_OWNED, people_change_subscriptions},
    {NS_PUBSUB_OWNER, "affiliations", SM_GET, NODE_OWNED, people_affiliations},
    {NS_PUBSUB_OWNER, "affiliations", SM_SET, NODE_OWNED, people_change_affiliations},
    {0},
};
