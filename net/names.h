/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Namespaces of what passes between nodes (docs/NETWORK.md).
 */
#pragma once

#define NS_ENVELOPE  "urn:kontalk:net:1"
#define NS_TRUNK     "urn:kontalk:session:1"
#define NS_DIRECTORY "urn:kontalk:directory:1"
#define NS_DOCUMENT  "urn:kontalk:document:1"
#define NET_ALPN     "xmpp-net/1"
