/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of federation.
 */
#include "common/config/items.h"

/* clang-format off */
const struct config_item config_s2s_items[] = {
    {"s2s", "router", CONFIG_ADDRESS, CONFIG_RESTART, "unix:{router.socket-directory}/s2s.sock",
     PLAIN_ROW, "Where the router is."},
    {"s2s", "listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5269", PLAIN_ROW,
     "Where other servers connect that begin TLS by STARTTLS."},
    {"s2s", "listen-tls", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5270", PLAIN_ROW,
     "Where other servers connect that begin TLS at once (XEP-0368)."},
    {"s2s", "ca-file", CONFIG_FILE, 0, NULL, PLAIN_ROW,
     "The authorities that are trusted to say who a domain is, in PEM. Without it: those of the "
     "system."},
    {"s2s", "require-tls", CONFIG_BOOL, 0, "yes", PLAIN_ROW,
     "Whether nothing is said or heard without TLS."},
    {"s2s", "require-certificate", CONFIG_BOOL, 0, "yes", PLAIN_ROW,
     "Whether the servers of a domain have to show a certificate that is valid for it, or one that "
     "DANE proves. Without it dialback (XEP-0220) over DNS is enough."},
    {"s2s", "allow", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A domain to federate with. If there is any, all others are refused."},
    {"s2s", "deny", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A domain not to federate with."},
    {"s2s", "dialback-secret-file", CONFIG_FILE_SECRET, 0, NULL, PLAIN_ROW,
     "The secret that dialback keys are made from (XEP-0185). Without it it is made at each start."},
    {"s2s", "dns-server", CONFIG_TEXT, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "The address of a DNS server to ask: 192.0.2.53 or 192.0.2.53@5353. Without it: as "
     "/etc/resolv.conf says."},
    {"s2s", "dnssec", CONFIG_BOOL, CONFIG_RESTART, "yes", PLAIN_ROW,
     "Whether DNS answers are validated, and DANE used. It is turned off by itself, with a warning, "
     "where the DNS servers do not let signatures through."},
    {"s2s", "dnssec-anchor", CONFIG_FILE, CONFIG_RESTART, "/usr/share/dns/root.key", PLAIN_ROW,
     "The key of the DNS root."},
    {"s2s", "internal-addresses", CONFIG_BOOL, 0, "no", PLAIN_ROW,
     "Whether to connect where the DNS says even if that is this machine or a private network."},
    {"s2s", "bidi", CONFIG_BOOL, 0, "yes", PLAIN_ROW,
     "Use one connection for both directions where the other server can (XEP-0288)."},
    {"s2s", "connect-timeout", CONFIG_DURATION, 0, "30s", 100, HOUR, NULL,
     "How long it may take to reach a server of a domain."},
    {"s2s", "negotiation-timeout", CONFIG_DURATION, 0, "30s", 100, HOUR, NULL,
     "How long it may take from a connection to proof of who is at its ends."},
    {"s2s", "idle-timeout", CONFIG_DURATION, 0, "10m", 100, 24 * HOUR, NULL,
     "After how much silence a stream is closed."},
    {"s2s", "ack-timeout", CONFIG_DURATION, 0, "60s", 100, HOUR, NULL,
     "How long a server may take to acknowledge what it was sent, before the stream counts as "
     "dead."},
    {"s2s", "retry-min", CONFIG_DURATION, 0, "1s", 10, HOUR, NULL,
     "How long to wait before a domain that was not reached is tried again; each failure doubles "
     "it."},
    {"s2s", "retry-max", CONFIG_DURATION, 0, "300s", 10, 24 * HOUR, NULL,
     "The longest of these waits."},
    {"s2s", "connecting", CONFIG_NUMBER, 0, "50", 1, 10000, NULL,
     "How many domains are being connected to at once; further ones wait. An attempt counts for a "
     "second."},
    {"s2s", "stanza-expiry", CONFIG_DURATION, 0, "60s", 100, 24 * HOUR, NULL,
     "How long a stanza waits for a domain that is not reached before it goes back as an error."},
    {"s2s", "queue-stanzas", CONFIG_NUMBER, 0, "1000", 1, 1000000, NULL,
     "How many stanzas may wait for one domain."},
    {"s2s", "queue-size", CONFIG_SIZE, 0, "1M", 16 * KIB, GIB, NULL,
     "How large these may be together."},
    {"s2s", "queue-total", CONFIG_SIZE, 0, "64M", MIB, 64 * GIB, NULL,
     "How large the stanzas that wait for all domains may be together."},
    {"s2s", "connections-per-address", CONFIG_NUMBER, 0, "32", 1, 1000000, NULL,
     "How many connections from one address may be open that have not proved who they are."},
    {"s2s", "unproven-connections", CONFIG_NUMBER, 0, "1000", 1, 1000000, NULL,
     "How many of these may be open in all."},
    {"s2s", "pending-pairs", CONFIG_NUMBER, 0, "20", 1, 10000, NULL,
     "How many domains a stream may be waiting to have proved by dialback."},
    {"s2s", "pending-verifications", CONFIG_NUMBER, 0, "50", 1, 10000, NULL,
     "How many keys of dialback may be in question at other servers, for all streams."},
    {"s2s", "stanza-size", CONFIG_SIZE, 0, "512k", 10000, 64 * MIB, NULL,
     "The largest stanza that another server may send."},
    {"s2s", "stanza-size-before-auth", CONFIG_SIZE, 0, "16k", 10000, MIB, NULL,
     "The same before it has proved who it is."},
    {"s2s", "addresses", CONFIG_NUMBER, 0, "99", 0, 400, NULL,
     "How many accounts here one stanza of another server may be for (XEP-0033), as the domain of "
     "the network tells others. 0: they send one to each."},
    {"s2s", "metrics-listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where kontalk-s2s tells its metrics and its health by HTTP, beside the socket "
     "kontalk-s2s.metrics in run-directory; such as 127.0.0.1:9269."},
    {0},
};
/* clang-format on */
