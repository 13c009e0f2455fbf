/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of the links to other nodes, and of what is known of these and of other domains.
 */
#include "common/config/items.h"

static const char *const yes_no_default[] = {"default", "yes", "no", NULL};

/* clang-format off */
const struct config_item config_net_items[] = {
    {"net", "router", CONFIG_ADDRESS, CONFIG_RESTART, "unix:{router.socket-directory}/net.sock",
     PLAIN_ROW, "Where the router is."},
    {"net", "certificate", CONFIG_FILE, 0, NULL, PLAIN_ROW,
     "The certificate of this node, whose key the other nodes know from the network document. "
     "Nothing else in it counts."},
    {"net", "key", CONFIG_FILE_SECRET, 0, NULL, PLAIN_ROW, "Its private key."},
    {"net", "listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "[::]:5271", PLAIN_ROW,
     "Where other nodes connect."},
    {"net", "heartbeat", CONFIG_DURATION, 0, "1s", 10, HOUR, NULL,
     "How often each other node is asked whether it is alive."},
    {"net", "suspect-after", CONFIG_DURATION, 0, "5s", 20, HOUR, NULL,
     "After how long without an answer another connection of that node may take the place of its "
     "link."},
    {"net", "down-after", CONFIG_DURATION, 0, "10s", 20, HOUR, NULL,
     "After how long without an answer, or without a link, a node counts as down and takes nothing "
     "new."},
    {"net", "resume-for", CONFIG_DURATION, 0, "10m", 100, 24 * HOUR, NULL,
     "How long after the loss of a link the next one goes on where it ended."},
    {"net", "dial-after", CONFIG_DURATION, 0, "15s", 0, HOUR, NULL,
     "Of two nodes the one whose name comes first connects to the other. After how long without a "
     "link the other one tries it."},
    {"net", "retry-min", CONFIG_DURATION, 0, "500ms", 10, HOUR, NULL,
     "How long to wait before a node that was not reached is tried again; each failure doubles "
     "it."},
    {"net", "retry-max", CONFIG_DURATION, 0, "60s", 10, 24 * HOUR, NULL,
     "The longest of these waits."},
    {"net", "negotiation-timeout", CONFIG_DURATION, 0, "10s", 100, HOUR, NULL,
     "How long it may take from a connection to a link."},
    {"net", "queue-size", CONFIG_SIZE, 0, "64M", 256 * KIB, 64 * GIB, NULL,
     "How much may wait for one node, or be on its way there. What comes beyond goes back to its "
     "sender as an error."},
    {"net", "stanza-size", CONFIG_SIZE, 0, "1M", 10000, 64 * MIB, NULL,
     "The largest stanza that another node may send."},
    {"net", "connections-per-address", CONFIG_NUMBER, 0, "16", 1, 1000000, NULL,
     "How many connections from one address may be open that have not shown who they are."},
    {"net", "unproven-connections", CONFIG_NUMBER, 0, "256", 1, 1000000, NULL,
     "How many of these may be open in all."},
    {"net", "metrics-listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where kontalk-net tells its metrics and its health by HTTP, beside the socket "
     "kontalk-net.metrics in run-directory; such as 127.0.0.1:9271."},
    {0},
};

const struct config_item config_peer_items[] = {
    {"peer", "address", CONFIG_ADDRESS, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where a server of this domain is that begins TLS by STARTTLS; then the DNS is not asked."},
    {"peer", "address-tls", CONFIG_ADDRESS, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where one is that begins TLS at once."},
    {"peer", "net-address", CONFIG_ADDRESS, CONFIG_LIST, NULL, PLAIN_ROW,
     "Where the links to this node of our network go, instead of the addresses in the network "
     "document."},
    {"peer", "require-tls", CONFIG_CHOICE, 0, "default", 0, 0, yes_no_default,
     "As in [s2s], for this domain."},
    {"peer", "require-certificate", CONFIG_CHOICE, 0, "default", 0, 0, yes_no_default,
     "As in [s2s], for this domain."},
    {0},
};
/* clang-format on */
