/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys that all daemons of a node share, and those of the database.
 */
#include "common/config/items.h"

static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};

/* clang-format off */
const struct config_item config_node_items[] = {
    {"node", "host", CONFIG_DOMAIN, CONFIG_REQUIRED | CONFIG_RESTART, NULL, PLAIN_ROW,
     "The name of this node, unique in its network. Users never see it."},
    {"node", "network", CONFIG_DOMAIN, CONFIG_RESTART, "{node.host}", PLAIN_ROW,
     "The domain of the accounts, the same on all nodes of the network."},
    {"node", "home", CONFIG_TEXT, CONFIG_RESTART, NULL, PLAIN_ROW,
     "The name of the home whose accounts are in the database of this node, as the network document "
     "has it. Without it: the first label of host."},
    {"node", "log-level", CONFIG_CHOICE, 0, "info", 0, 0, log_levels,
     "The least important lines that are still logged."},
    {"node", "run-directory", CONFIG_FILE, CONFIG_RESTART, "/run/kontalk", PLAIN_ROW,
     "Where sockets of the daemons are: of each in a directory there of its name (c2s), if it exists."},
    {"node", "secret-file", CONFIG_FILE_SECRET, CONFIG_RESTART, NULL, PLAIN_ROW,
     "A random secret of this node. From it come the salts that are shown for accounts that do not "
     "exist, so that they stay the same over restarts. Without it they are made at each start."},
    {"node", "document", CONFIG_FILE, 0, NULL, PLAIN_ROW,
     "The network document: which nodes make up the network (docs/NETWORK.md). Daemons follow the "
     "file by themselves. Without it this node is a network of one."},
    {"node", "signing-key", CONFIG_FILE_SECRET, CONFIG_RESTART, NULL, PLAIN_ROW,
     "The private key whose public half is this node's signing-key in the network document. The "
     "users of kontalk-c2s and kontalk-s2s read it."},
    {"node", "network-service", CONFIG_DOMAIN, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "A domain below network that a component of this node serves for all of the network "
     "(\"conference.example.net\"). Its name is claimed for the home of this node, and users of all "
     "nodes reach it. pubsub.… of [domain] pubsub needs no such line."},
    {"node", "shared-service", CONFIG_DOMAIN, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "A domain below network that a component of each node serves together with those of the others "
     "(\"conference.example.net\", by kontalk-muc): each address at it has a home of its own. The "
     "same on all nodes of the network (docs/NETWORK.md)."},
    {0},
};

const struct config_item config_database_items[] = {
    {"database", "conninfo", CONFIG_CONNINFO, CONFIG_RESTART, NULL, PLAIN_ROW,
     "How to connect, as libpq has it: \"host=/run/postgresql dbname=kontalk\". Passwords belong "
     "into a file: passfile=/etc/kontalk/pgpass. kontalk-c2s cannot do without."},
    {"database", "owner-conninfo", CONFIG_CONNINFO, 0, NULL, PLAIN_ROW,
     "How kontalkctl connects, as the owner of the tables, where that takes another passfile than "
     "that of kontalk-c2s. Without it: as conninfo says."},
    {"database", "connections", CONFIG_NUMBER, CONFIG_RESTART, "4", 1, 64, NULL,
     "How many connections each worker has."},
    {"database", "writers", CONFIG_NUMBER, CONFIG_RESTART, "1", 1, 64, NULL,
     "How many of the connections write. What is written at the same time is committed together, so "
     "one is best until the server's processor is busy with it alone. The others only read."},
    {"database", "deadline", CONFIG_DURATION, CONFIG_RESTART, "4s", 100, HOUR, NULL,
     "How long a query may take before its user is told to try again later."},
    {0},
};
/* clang-format on */
