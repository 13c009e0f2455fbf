/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The namespaces of publish-subscribe (XEP-0060 §17.1).
 */
#pragma once

#define NS_PUBSUB       "http://jabber.org/protocol/pubsub"
#define NS_PUBSUB_OWNER "http://jabber.org/protocol/pubsub#owner"
#define NS_PUBSUB_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_PUBSUB_ERROR "http://jabber.org/protocol/pubsub#errors"

#define FORM_NODE_CONFIG     NS_PUBSUB "#node_config"
#define FORM_PUBLISH_OPTIONS NS_PUBSUB "#publish-options"
#define FORM_SUBSCRIBE       NS_PUBSUB "#subscribe_options"
#define FORM_AUTHORIZE       NS_PUBSUB "#subscribe_authorization"
#define FORM_META_DATA       NS_PUBSUB "#meta-data"
