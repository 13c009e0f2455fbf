/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The actions of publish-subscribe, by namespace and name.
 */
#include "c2s/pubsub/configure.h"
#include "c2s/pubsub/create.h"
#include "c2s/pubsub/erase.h"
#include "c2s/pubsub/items.h"
#include "c2s/pubsub/publish.h"
#include "c2s/pubsub/request.h"

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
    {0},
};
