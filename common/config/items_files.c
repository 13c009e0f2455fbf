/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of kontalk-files.
 */
#include "common/config/items.h"

/* clang-format off */
const struct config_item config_files_items[] = {
    {"files", "router", CONFIG_ADDRESS, CONFIG_RESTART, "127.0.0.1:5347", PLAIN_ROW,
     "Where the router, or another XMPP server, takes components."},
    {"files", "domain", CONFIG_DOMAIN, CONFIG_RESTART, "upload.{node.network}", PLAIN_ROW,
     "The domain of the service."},
    {"files", "secret-file", CONFIG_FILE_SECRET, CONFIG_RESTART, NULL, PLAIN_ROW,
     "The file with the secret that it has as a component (XEP-0114)."},
    {"files", "directory", CONFIG_FILE, CONFIG_RESTART, "/var/lib/kontalk/files", PLAIN_ROW,
     "Where files are kept."},
    {"files", "listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, "127.0.0.1:5282", PLAIN_ROW,
     "Where HTTP is served in clear, for a reverse proxy on the same machine."},
    {"files", "listen-tls", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where HTTPS is served, with certificate and key."},
    {"files", "certificate", CONFIG_FILE, 0, NULL, PLAIN_ROW,
     "The certificate of the host in public-url, with its chain."},
    {"files", "key", CONFIG_FILE_SECRET, 0, NULL, PLAIN_ROW, "Its private key."},
    {"files", "public-url", CONFIG_URI, 0, "https://upload.{node.network}", PLAIN_ROW,
     "What the URLs of files begin with, as clients see them: through the proxy if there is one."},
    {"files", "allow", CONFIG_DOMAIN, CONFIG_LIST, NULL, PLAIN_ROW,
     "A domain whose users may upload. Without any: the domain of the network."},
    {"files", "size", CONFIG_SIZE, 0, "100M", 1, 64 * GIB, NULL, "The largest file."},
    {"files", "slots-per-hour", CONFIG_NUMBER, 0, "20", 1, 1000000, NULL,
     "How many files a user may upload in an hour."},
    {"files", "bytes-per-day", CONFIG_SIZE, 0, "100M", 1, 1024 * GIB, NULL,
     "How much a user may upload in a day."},
    {"files", "keep-free", CONFIG_SIZE, 0, "64M", 0, 1024 * GIB, NULL,
     "How much of the disk nobody may upload into: what is to be deleted needs room too."},
    {"files", "slot-valid", CONFIG_DURATION, 0, "5m", SECOND, 24 * HOUR, NULL,
     "How soon after it was granted an upload has to begin."},
    {"files", "keep", CONFIG_DURATION, 0, "30d", SECOND, 100 * 365 * 24 * HOUR, NULL,
     "How long a file is kept."},
    {"files", "slowest", CONFIG_SIZE, 0, "4k", 1, GIB, NULL,
     "An upload that is slower, in bytes a second, is given up. It has as much time as idle beside "
     "what its size takes so."},
    {"files", "idle", CONFIG_DURATION, CONFIG_RESTART, "30s", SECOND, HOUR, NULL,
     "A connection on which nothing moves is closed."},
    {"files", "connections", CONFIG_NUMBER, CONFIG_RESTART, "1000", 1, 1000000, NULL,
     "How many connections there may be for each address that it listens on."},
    {"files", "connections-per-address", CONFIG_NUMBER, CONFIG_RESTART, "32", 1, 1000000, NULL,
     "How many of them from one address. Behind a proxy all come from the same."},
    {"files", "metrics-listen", CONFIG_ADDRESS, CONFIG_LIST | CONFIG_RESTART, NULL, PLAIN_ROW,
     "Where kontalk-files tells its metrics and its health by HTTP, beside the socket "
     "kontalk-files.metrics in run-directory; such as 127.0.0.1:9282."},
    {0},
};
/* clang-format on */
