/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of the configuration: the one list that parsing, defaults, dump and manual come from.
 * The rows of a section stand together.
 */
#include "common/config/config.h"

#define KIB    INT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)

/* No bounds, no choices. */
#define PLAIN_ROW 0, 0, NULL

static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const component_rights[] = {"default", "private", "shared", "log", NULL};
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
const struct config_item config_items[] = {
    {"node", "host", CONFIG_DOMAIN, CONFIG_REQUIRED | CONFIG_RESTART, NULL, PLAIN_ROW,
     "The name of this node, unique in its network. Users never see it."},
    {"node", "network", CONFIG_DOMAIN, CONFIG_RESTART, "{node.host}", PLAIN_ROW,
     "The domain of the accounts, the same on all nodes of the network."},
    {"node", "log-level", CONFIG_CHOICE, 0, "info", 0, 0, log_levels,
     "The least important lines that are still logged."},
    {"node", "run-directory", CONFIG_FILE, CONFIG_RESTART, "/run/kontalk", PLAIN_ROW,
     "Where sockets of the running daemons are."},
    {"node", "secret-file", CONFIG_FILE_SECRET, CONFIG_RESTART, NULL, PLAIN_ROW,
     "A random secret of this node. From it come the salts that are shown for accounts that do not "
     "exist, so that they stay the same over restarts. Without it they are made at each start."},

    {"router", "socket-directory", CONFIG_FILE, CONFIG_RESTART, "{node.run-directory}", PLAIN_ROW,
     "Where the router makes one socket for each kind of daemon: c2s.sock, net.sock, s2s.sock. Who "
     "may open the socket may act as that daemon."},
    {"router", "c2s-group", CONFIG_TEXT, CONFIG_RESTART, NULL, PLAIN_ROW,
     "The group that may open c2s.sock. Without it: the group of the router."},
    {"router", "net-group", CONFIG_TEXT, CONFIG_RESTART, NULL, PLAIN_ROW,
     "The group that may open net.sock. Without it: the group of the router."},
    {"router", "s2s-group", CONFIG_TEXT, CONFIG_RESTART, NULL, PLAIN_ROW,
     "The group that may open s2s.sock. Without it: the group of the router."},
    {"router", "listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where third-party components connect. Their streams are not encrypted: use 127.0.0.1:5347 or "
     "a network that you trust."},
    {"router", "queue-size", CONFIG_SIZE, 0, "4M", 64 * KIB, GIB, NULL,
     "How much may wait for a component that reads slowly. What comes beyond goes back to its "
     "sender as an error."},
    {"router", "stanza-size", CONFIG_SIZE, 0, "512k", 16 * KIB, 64 * MIB, NULL,
     "The largest stanza that a component may send."},
    {"router", "stanza-depth", CONFIG_NUMBER, 0, "128", 8, 1000, NULL,
     "How deep elements of a stanza may be nested."},
    {"router", "shared-hold", CONFIG_DURATION, 0, "2s", 0, 60 * SECOND, NULL,
     "How long after its own start the router keeps stanzas for names that several streams share, "
     "until all of these had time to come back."},
    {"router", "ping-interval", CONFIG_DURATION, 0, "1s", 100, HOUR, NULL,
     "How often the router asks our own daemons whether they are alive."},
    {"router", "ping-timeout", CONFIG_DURATION, 0, "10s", 200, HOUR, NULL,
     "After how much silence one of our daemons loses its names and its stream is closed."},
    {"router", "handshake-timeout", CONFIG_DURATION, 0, "10s", 100, HOUR, NULL,
     "How long a component may take to prove who it is."},
    {"router", "unproven-connections", CONFIG_NUMBER, 0, "64", 1, 10000, NULL,
     "How many components may be connected that have not proved yet who they are."},

    {"component", "secret-file", CONFIG_FILE_SECRET, CONFIG_REQUIRED, NULL, PLAIN_ROW,
     "The file with the secret of this component (XEP-0114)."},
    {"component", "domain", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A further domain that it may bind."},
    {"component", "from", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A further domain that it may send from, besides those it may bind."},
    {"component", "allow", CONFIG_CHOICE, CONFIG_LIST, NULL, 0, 0, component_rights,
     "What else it may ask for: to be the default route, to be known to nobody, to share its name "
     "among several streams, to get a copy of all stanzas."},

    {"c2s", "router", CONFIG_ADDRESS, CONFIG_RESTART, "unix:{router.socket-directory}/c2s.sock",
     PLAIN_ROW, "Where the router is."},
    {"c2s", "worker", CONFIG_TEXT, CONFIG_RESTART, "c2s-1", PLAIN_ROW,
     "The name of this worker, unique on this node and the same at each start."},
    {"c2s", "plugin", CONFIG_FILE, CONFIG_RESTART, NULL, PLAIN_ROW,
     "A plugin that serves the accounts instead of the session manager that is built in."},
    {"c2s", "listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5222", PLAIN_ROW,
     "Where clients connect that begin TLS by STARTTLS (RFC 6120 \xc2\xa7" "5)."},
    {"c2s", "listen-tls", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5223", PLAIN_ROW,
     "Where clients connect that begin TLS at once (XEP-0368)."},
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
     "How many TLS handshakes are begun in a second; further ones wait."},
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
    {"c2s", "send-queue", CONFIG_SIZE, 0, "1M", 64 * KIB, GIB, NULL,
     "How much may wait for a client that reads slowly."},
    {"c2s", "send-timeout", CONFIG_DURATION, 0, "60s", 100, HOUR, NULL,
     "After how long without any progress its connection is closed."},

    {"domain", "certificate", CONFIG_FILE, CONFIG_REQUIRED, NULL, PLAIN_ROW,
     "The certificate with its chain, in PEM. It is read again on reload."},
    {"domain", "key", CONFIG_FILE_SECRET, CONFIG_REQUIRED, NULL, PLAIN_ROW,
     "The private key of the certificate, in PEM."},
    {"domain", "sasl-mechanism", CONFIG_CHOICE, CONFIG_LIST,
     "SCRAM-SHA-512-PLUS SCRAM-SHA-512 SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS "
     "SCRAM-SHA-1 EXTERNAL PLAIN", 0, 0, mechanisms,
     "A way to authenticate that is offered, where the connection allows it."},
    {"domain", "channel-binding", CONFIG_BOOL, 0, "yes", PLAIN_ROW,
     "Whether the mechanisms whose names end in -PLUS are offered. Say no behind a proxy that ends "
     "TLS."},
    {"domain", "client-ca", CONFIG_FILE, 0, NULL, PLAIN_ROW,
     "The authorities of client certificates for EXTERNAL (XEP-0178), in PEM. Without it clients "
     "are not asked for certificates."},
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
    {"domain", "support-address", CONFIG_URI, CONFIG_LIST, NULL, PLAIN_ROW, "Where to find help."},

    {"sm", "shortcut", CONFIG_BOOL, 0, "yes", PLAIN_ROW,
     "Whether stanzas between two accounts of one worker stay inside it. The result is the same as "
     "by way of the router."},
    {"sm", "roster-size", CONFIG_NUMBER, 0, "5000", 1, 1000000, NULL,
     "How many contacts an account may have."},
    {"sm", "roster-groups", CONFIG_NUMBER, 0, "64", 1, 10000, NULL,
     "How many groups a contact may be in."},
    {"sm", "blocklist-size", CONFIG_NUMBER, 0, "5000", 1, 1000000, NULL,
     "How many addresses an account may block (XEP-0191)."},
    {"sm", "directed-presence", CONFIG_NUMBER, 0, "1000", 1, 1000000, NULL,
     "To how many addresses a client may have sent presence that its contacts do not get."},
    {"sm", "offline-messages", CONFIG_NUMBER, 0, "1000", 0, 1000000, NULL,
     "How many messages are kept for an account that is away (XEP-0160); further ones go back as "
     "errors."},
    {"sm", "offline-size", CONFIG_SIZE, 0, "10M", 0, 64 * GIB, NULL,
     "How large these messages may be together."},
    {"sm", "vcard-size", CONFIG_SIZE, 0, "64k", KIB, 16 * MIB, NULL,
     "The largest vCard (XEP-0054)."},
    {"sm", "private-size", CONFIG_SIZE, 0, "64k", KIB, 16 * MIB, NULL,
     "The largest element of the private storage (XEP-0049)."},
    {"sm", "private-elements", CONFIG_NUMBER, 0, "100", 1, 10000, NULL,
     "How many elements an account may have there."},

    {"database", "conninfo", CONFIG_CONNINFO, CONFIG_RESTART, NULL, PLAIN_ROW,
     "How to connect, as libpq has it: \"host=/run/postgresql dbname=kontalk\". Passwords belong "
     "into a file: passfile=/etc/kontalk/pgpass. kontalk-c2s cannot do without."},
    {"database", "connections", CONFIG_NUMBER, CONFIG_RESTART, "4", 1, 64, NULL,
     "How many connections each worker has."},
    {"database", "deadline", CONFIG_DURATION, CONFIG_RESTART, "4s", 100, HOUR, NULL,
     "How long a query may take before its user is told to try again later."},

    {"net", "listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5271", PLAIN_ROW,
     "Where other nodes connect."},

    {"s2s", "listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5269", PLAIN_ROW,
     "Where other servers connect that begin TLS by STARTTLS."},
    {"s2s", "listen-tls", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5270", PLAIN_ROW,
     "Where other servers connect that begin TLS at once (XEP-0368)."},
};
/* clang-format on */
const size_t config_items_count = ARRAY_SIZE(config_items);
