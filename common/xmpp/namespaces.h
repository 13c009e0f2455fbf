/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * XML namespaces used by more than one file; a feature keeps its own namespaces in its own file.
 */
#pragma once

#define NS_XML       "http://www.w3.org/XML/1998/namespace"
#define NS_STREAM    "http://etherx.jabber.org/streams"
#define NS_CLIENT    "jabber:client"
#define NS_SERVER    "jabber:server"
#define NS_COMPONENT "jabber:component:accept"

/* Between nodes (docs/NETWORK.md). */
#define NS_LINK      "urn:kontalk:link:1"
#define NS_NET       "urn:kontalk:net:1"
#define NS_DIRECTORY "urn:kontalk:directory:1"

#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"
#define NS_STANZA_ERRORS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define NS_TLS           "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_SASL          "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_SASL2         "urn:xmpp:sasl:2"
#define NS_BIND2         "urn:xmpp:bind:0"
#define NS_FAST          "urn:xmpp:fast:0"
#define NS_BIND          "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_SESSION       "urn:ietf:params:xml:ns:xmpp-session"
#define NS_APP_ERRORS    "urn:xmpp:errors"
#define NS_ROUTER        "urn:kontalk:router:1"
#define NS_DELAY         "urn:xmpp:delay"                     /* XEP-0203 */
#define NS_ADDRESS       "http://jabber.org/protocol/address" /* XEP-0033 */
