/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Further namespaces of what passes between nodes (docs/NETWORK.md).
 */
#pragma once

#include "common/xmpp/namespaces.h"

#define NS_TRUNK    "urn:kontalk:session:1"
#define NS_DOCUMENT "urn:kontalk:document:1"
#define NET_ALPN    "xmpp-net/1"
