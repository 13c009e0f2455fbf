/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of the streams of clients, and of the domains that these log in at.
 */
#include "common/config/items.h"

static const char *const mechanisms[] = {"SCRAM-SHA-512-PLUS",
                                         "SCRAM-SHA-512",
                                         "SCRAM-SHA-256-PLUS",
                                         "SCRAM-SHA-256",
                                         "SCRAM-SHA-1-PLUS",
                                         "SCRAM-SHA-1",
                                         "EXTERNAL",
                                         "PLAIN",
                                         NULL};

/* clang-format off */
const struct config_item config_c2s_items[] = {
    {"c2s", "router", CONFIG_ADDRESS, CONFIG_RESTART, "unix:{router.socket-directory}/c2s.sock",
     PLAIN_ROW, "Where the router is."},
    {"c2s", "worker", CONFIG_TEXT, CONFIG_RESTART, "c2s-1", PLAIN_ROW,
     "The name of this worker, unique on this node and the same at each start. Several of one "
     "node get theirs by the option --instance."},
    {"c2s", "trunk-timeout", CONFIG_DURATION, 0, "60s", 100, HOUR, NULL,
     "How long another worker, at this node or another, may say nothing until its clients here and "
     "ours there are cut off from each other."},
    {"c2s", "plugin", CONFIG_FILE, CONFIG_RESTART, NULL, PLAIN_ROW,
     "A plugin that serves the accounts instead of the session manager that is built in."},
    {"c2s", "listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5222", PLAIN_ROW,
     "Where clients connect that begin TLS by STARTTLS (RFC 6120 \xc2\xa7" "5)."},
    {"c2s", "listen-tls", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5223", PLAIN_ROW,
     "Where clients connect that begin TLS at once (XEP-0368)."},
    {"c2s", "http-listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where clients connect by WebSocket (RFC 7395) or BOSH (XEP-0124) through a proxy on this "
     "machine, or in http-proxy, that ends TLS. Others are refused there."},
    {"c2s", "https-listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "The same for clients themselves, with TLS and the certificates of the domains."},
    {"c2s", "http-proxy", CONFIG_NETWORK, CONFIG_LIST, NULL, PLAIN_ROW,
     "An address or a network of proxies whose field X-Forwarded-For is believed. Connections from "
     "there are not counted, those who come through it are."},
    {"c2s", "http-origin", CONFIG_TEXT, CONFIG_LIST, "*", PLAIN_ROW,
     "The origin of pages that may be clients, such as https://chat.example.net; * is any. What is no "
     "page of the web has none and is not asked."},
    {"c2s", "backlog", CONFIG_NUMBER, CONFIG_RESTART, "1024", 1, 65535, NULL,
     "How many connections may wait to be accepted."},
    {"c2s", "max-connections", CONFIG_NUMBER, 0, "100000", 1, 10000000, NULL,
     "How many clients may be connected to this worker."},
    {"c2s", "connections-per-address", CONFIG_NUMBER, 0, "64", 1, 10000000, NULL,
     "How many clients that are not authenticated may be connected from one IPv4 address or one "
     "IPv6 network of 64 bits."},
    {"c2s", "connection-rate", CONFIG_NUMBER, 0, "10", 1, 1000000, NULL,
     "How many new connections a second are accepted from one address."},
    {"c2s", "connection-burst", CONFIG_NUMBER, 0, "50", 1, 1000000, NULL,
     "How many new connections from one address are accepted at once, before connection-rate "
     "holds."},
    {"c2s", "handshakes-per-second", CONFIG_NUMBER, 0, "200", 1, 1000000, NULL,
     "How many TLS handshakes are begun in a second; further ones wait. In the minute behind the "
     "start, when everybody comes back, as many as in five seconds need not wait."},
    {"c2s", "unauthenticated-timeout", CONFIG_DURATION, 0, "30s", 100, HOUR, NULL,
     "How long a client may take from connecting to being authenticated."},
    {"c2s", "tls-timeout", CONFIG_DURATION, 0, "10s", 100, HOUR, NULL,
     "How long the TLS handshake may take of that."},
    {"c2s", "sasl-tries", CONFIG_NUMBER, 0, "3", 1, 100, NULL,
     "How many times authentication may fail on one stream (RFC 6120 \xc2\xa7" "6.4.5)."},
    {"c2s", "sasl-tries-per-minute", CONFIG_NUMBER, 0, "10", 1, 1000000, NULL,
     "How many times it may fail from one address; after that each answer comes 2 s later."},
    {"c2s", "resources-per-user", CONFIG_NUMBER, 0, "10", 1, 1000, NULL,
     "How many clients of one account may be connected."},
    {"c2s", "stanza-size", CONFIG_SIZE, 0, "256k", 10000, 64 * MIB, NULL,
     "The largest stanza that a client may send (announced by XEP-0478)."},
    {"c2s", "stanza-size-before-auth", CONFIG_SIZE, 0, "16k", 10000, MIB, NULL,
     "The same before it is authenticated. RFC 6120 \xc2\xa7" "13.12 forbids less than 10000."},
    {"c2s", "stanza-elements", CONFIG_NUMBER, 0, "4096", 16, 1000000, NULL,
     "How many elements a stanza may have."},
    {"c2s", "stanza-elements-before-auth", CONFIG_NUMBER, 0, "64", 16, 1000000, NULL,
     "The same before the client is authenticated."},
    {"c2s", "stanza-depth", CONFIG_NUMBER, 0, "64", 4, 1000, NULL,
     "How deep elements of a stanza may be nested."},
    {"c2s", "stanza-depth-before-auth", CONFIG_NUMBER, 0, "8", 4, 1000, NULL,
     "The same before the client is authenticated."},
    {"c2s", "stanza-attributes", CONFIG_NUMBER, 0, "64", 8, 10000, NULL,
     "How many attributes an element may have."},
    {"c2s", "stanza-attributes-before-auth", CONFIG_NUMBER, 0, "16", 8, 10000, NULL,
     "The same before the client is authenticated."},
    {"c2s", "stanza-namespaces", CONFIG_NUMBER, 0, "32", 4, 10000, NULL,
     "How many namespaces may be declared around an element."},
    {"c2s", "stanza-namespaces-before-auth", CONFIG_NUMBER, 0, "8", 4, 10000, NULL,
     "The same before the client is authenticated."},
    {"c2s", "rate-bytes", CONFIG_SIZE, 0, "32k", KIB, GIB, NULL,
     "How much a client may send in a second. A faster one is read more slowly."},
    {"c2s", "rate-bytes-before-auth", CONFIG_SIZE, 0, "4k", KIB, GIB, NULL,
     "The same before the client is authenticated."},
    {"c2s", "rate-burst", CONFIG_SIZE, 0, "256k", KIB, GIB, NULL,
     "How much it may send at once, before rate-bytes holds."},
    {"c2s", "rate-stanzas", CONFIG_NUMBER, 0, "50", 1, 1000000, NULL,
     "How many stanzas a client may send in a second."},
    {"c2s", "rate-stanzas-burst", CONFIG_NUMBER, 0, "500", 1, 1000000, NULL,
     "How many it may send at once, before rate-stanzas holds."},
    {"c2s", "rate-exempt", CONFIG_NETWORK, CONFIG_LIST, NULL, PLAIN_ROW,
     "An address or a network without limits on connections and rates, such as that of a proxy."},
    {"c2s", "idle-timeout", CONFIG_DURATION, 0, "300s", 100, 24 * HOUR, NULL,
     "After how much silence a client is asked whether it is alive (announced by XEP-0478)."},
    {"c2s", "ping-timeout", CONFIG_DURATION, 0, "60s", 100, HOUR, NULL,
     "How long it may take to answer."},
    {"c2s", "send-queue", CONFIG_SIZE, 0, "1M", 256 * KIB, GIB, NULL,
     "How much may wait for a client that reads slowly."},
    {"c2s", "send-timeout", CONFIG_DURATION, 0, "60s", 100, HOUR, NULL,
     "After how long without any progress its connection is closed."},
    {"c2s", "directory-cache", CONFIG_NUMBER, CONFIG_RESTART, "100000", 1, 100000000, NULL,
     "Of how many accounts of the network is remembered which node they are at. Each takes about 150 "
     "bytes."},
    {"c2s", "metrics-listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where kontalk-c2s tells its metrics and its health by HTTP, beside the socket "
     "kontalk-c2s.metrics in run-directory; such as 127.0.0.1:9222."},
    {0},
};

const struct config_item config_domain_items[] = {
    {"domain", "certificate", CONFIG_FILE, CONFIG_REQUIRED, NULL, PLAIN_ROW,
     "The certificate with its chain, in PEM. It is read again on reload."},
    {"domain", "key", CONFIG_FILE_SECRET, CONFIG_REQUIRED, NULL, PLAIN_ROW,
     "The private key of the certificate, in PEM."},
    {"domain", "sasl-mechanism", CONFIG_CHOICE, CONFIG_LIST,
     "SCRAM-SHA-512-PLUS SCRAM-SHA-512 SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS "
     "SCRAM-SHA-1 EXTERNAL PLAIN", 0, 0, mechanisms,
     "A way to authenticate that is offered, where the connection allows it."},
    {"domain", "plain-in-network", CONFIG_BOOL, 0, "no", PLAIN_ROW,
     "Whether PLAIN is offered where the network has other nodes. A client whose account is at "
     "another one cannot log in by it, but has shown its password to this one by then."},
    {"domain", "invitations", CONFIG_BOOL, 0, "yes", PLAIN_ROW,
     "Whether those with an invitation (kontalkctl invite) may make their account with it "
     "(XEP-0445). Nobody gets an account without one."},
    {"domain", "invite-page", CONFIG_URI, 0, NULL, PLAIN_ROW,
     "A page that tells whoever opens it what to do with an invitation (XEP-0379), which is put behind "
     "it: https://example.net/invite becomes https://example.net/invite#alice@example.net?roster;… "
     "Without it users who invite somebody get the xmpp: link only."},
    {"domain", "channel-binding", CONFIG_BOOL, 0, "yes", PLAIN_ROW,
     "Whether the mechanisms whose names end in -PLUS are offered. Say no behind a proxy that ends "
     "TLS."},
    {"domain", "token-lifetime", CONFIG_DURATION, 0, "30d", 0, 10 * 365 * 24 * HOUR, NULL,
     "How long a token is good by which a client logs in without the password (XEP-0484). It gets "
     "a new one when it logs in after a tenth of that time. 0: no tokens."},
    {"domain", "client-ca", CONFIG_FILE, 0, NULL, PLAIN_ROW,
     "The authorities of client certificates for EXTERNAL (XEP-0178), in PEM. Without it clients "
     "are not asked for certificates."},
    {"domain", "archive-retention", CONFIG_DURATION, 0, "0", 0, 100 * 365 * 24 * HOUR, NULL,
     "How long messages are kept, read or not; 0: for ever. What has not been delivered by then never "
     "is, and less than 7d makes messages that a client sends again later be taken for new ones."},
    {"domain", "pubsub", CONFIG_BOOL, CONFIG_RESTART, "no", PLAIN_ROW,
     "Whether pubsub.<domain> is a publish-subscribe service (XEP-0060) in which users of the domain "
     "create nodes. In a network one node serves it."},
    {"domain", "websocket-url", CONFIG_URI, 0, NULL, PLAIN_ROW,
     "Where clients of this domain reach the WebSocket, as /.well-known/host-meta tells it (XEP-0156). "
     "Without it: the first https-listen, by the name of the domain."},
    {"domain", "bosh-url", CONFIG_URI, 0, NULL, PLAIN_ROW, "The same for BOSH."},
    {"domain", "abuse-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where to report abuse (XEP-0157, as all addresses here)."},
    {"domain", "admin-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where the administrators can be reached."},
    {"domain", "feedback-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where to say what could be better."},
    {"domain", "sales-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW, "Where to buy."},
    {"domain", "security-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where to report security problems."},
    {"domain", "status-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where to see whether the service works."},
    {"domain", "external-status-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where clients that cannot reach the service find out why: a document as XEP-0455 has it, at "
     "another server."},
    {"domain", "support-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW, "Where to find help."},
    {"domain", "service", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A service that clients are told of (XEP-0030), such as upload.example.net."},
    {"domain", "s2s-certificate", CONFIG_FILE, 0, NULL, PLAIN_ROW,
     "A certificate for other servers, if it is not to be the same. Its user is kontalk-s2s."},
    {"domain", "s2s-key", CONFIG_FILE_SECRET, 0, NULL, PLAIN_ROW, "The private key of it, in PEM."},
    {0},
};
/* clang-format on */
