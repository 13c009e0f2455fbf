/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of kontalk-muc.
 */
#include "common/config/items.h"

/* clang-format off */
const struct config_item config_muc_items[] = {
    {"muc", "router", CONFIG_ADDRESS, CONFIG_RESTART, "127.0.0.1:5347", PLAIN_ROW,
     "Where the router, or another XMPP server, takes components."},
    {"muc", "domain", CONFIG_DOMAIN, CONFIG_RESTART, "conference.{node.network}", PLAIN_ROW,
     "The domain of the rooms."},
    {"muc", "secret-file", CONFIG_FILE_SECRET, CONFIG_RESTART, NULL, PLAIN_ROW,
     "The file with the secret that it has as a component (XEP-0114)."},
    {"muc", "durable", CONFIG_BOOL, CONFIG_RESTART, "no", PLAIN_ROW,
     "Whether messages are handed over so that none is lost when a process dies: \"allow = durable\" "
     "in the section of the component has to permit it. Other XMPP servers do not know it."},
    {"muc", "conninfo", CONFIG_CONNINFO, CONFIG_RESTART, NULL, PLAIN_ROW,
     "How to connect to PostgreSQL, as in [database], but with a role of its own, whose tables are "
     "in a schema of its own."},
    {"muc", "create", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A domain whose users may create rooms. Without any: everybody may."},
    {"muc", "rooms-per-user", CONFIG_NUMBER, 0, "100", 1, 1000000, NULL,
     "How many rooms that a user has created may exist."},
    {"muc", "occupants", CONFIG_NUMBER, 0, "1000", 1, 1000000, NULL,
     "How many occupants a room may have, whatever its owner wants."},
    {"muc", "affiliations", CONFIG_NUMBER, 0, "5000", 1, 1000000, NULL,
     "How many members, administrators, owners and outcasts together a room may have."},
    {"muc", "history", CONFIG_NUMBER, 0, "50", 0, 1000, NULL,
     "How many of the last messages a newcomer may be shown."},
    {"muc", "rate", CONFIG_NUMBER, 0, "50", 1, 1000000, NULL,
     "How many messages somebody who is no moderator may send to a room in ten seconds."},
    {"muc", "size", CONFIG_SIZE, 0, "64k", 1000, 16 * MIB, NULL, "The largest message."},
    {"muc", "idle", CONFIG_DURATION, 0, "10m", SECOND, 24 * HOUR, NULL,
     "How long a room in which nobody is stays in memory."},
    {"muc", "archive-retention", CONFIG_DURATION, 0, "0", 0, 100 * 365 * 24 * HOUR, NULL,
     "After how long messages are removed from the archives of rooms. 0: never."},
    {"muc", "retention-interval", CONFIG_DURATION, 0, "1h", 100, 7 * 24 * HOUR, NULL,
     "How long after each search for what is too old the next begins."},
    {"muc", "queue-size", CONFIG_SIZE, CONFIG_RESTART, "64M", 256 * KIB, 64 * GIB, NULL,
     "How much may wait for the router."},
    {"muc", "metrics-listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where kontalk-muc tells its metrics and its health by HTTP, beside the socket "
     "kontalk-muc.metrics in run-directory; such as 127.0.0.1:9245."},
    {0},
};
/* clang-format on */
