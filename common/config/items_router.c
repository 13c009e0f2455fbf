/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of the router and of the components that it admits.
 */
#include "common/config/items.h"

static const char *const component_rights[] = {"default", "private", "shared",
                                               "log",     "durable", NULL};

/* clang-format off */
const struct config_item config_router_items[] = {
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
    {"router", "stanza-size", CONFIG_SIZE, 0, "640k", 16 * KIB, 64 * MIB, NULL,
     "The largest stanza that a component may send: more than the others take from outside, as they "
     "add to it."},
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
    {"router", "metrics-listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where kontalk-router tells its metrics and its health by HTTP, beside the socket "
     "kontalk-router.metrics in run-directory; such as 127.0.0.1:9347."},
    {0},
};

const struct config_item config_component_items[] = {
    {"component", "secret-file", CONFIG_FILE_SECRET, CONFIG_REQUIRED, NULL, PLAIN_ROW,
     "The file with the secret of this component (XEP-0114)."},
    {"component", "domain", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A further domain that it may bind."},
    {"component", "from", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A further domain that it may send from, besides those it may bind."},
    {"component", "allow", CONFIG_CHOICE, CONFIG_LIST, NULL, 0, 0, component_rights,
     "What else it may ask for: to be the default route, to be known to nobody, to share its name "
     "among several streams, to get a copy of all stanzas, to speak urn:kontalk:durable:1."},
    {0},
};
/* clang-format on */
