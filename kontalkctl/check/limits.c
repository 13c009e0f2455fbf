/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the system allows, against what the configuration promises.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kontalkctl/check/check.h"

/* Files a worker has open beside those of clients: sockets, database, logs. */
#define OTHER_FILES 256

static const struct daemon_limit {
    const char *daemon, *section, *key; /* how many connections it may have */
} DAEMONS[] = {
    {"c2s", "c2s", "max-connections"},
    {"s2s", "s2s", "unproven-connections"},
    {"files", "files", "connections"},
};

/* 0: it is not said. */
static int64_t value_of(const char *metrics, const char *name)
{
    const size_t length = strlen(name);

    for (const char *line = metrics; line && *line;) {
        double value;
        if (strncmp(line, name, length) == 0 && sscanf(line + length, " %lf", &value) == 1)
            return (int64_t)value;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return 0;
}

static void check_files(struct check *check, const struct daemon_limit *daemon)
{
    static const char *const words[] = {"metrics"};
    const int64_t needed =
        config_number(check->config, daemon->section, NULL, daemon->key) + OTHER_FILES;
    const char *subject = arena_printf(check->arena, "kontalk-%s", daemon->daemon);
    const char *metrics;

    if (check_ask(check, daemon->daemon, ARRAY_SIZE(words), words, &metrics) != 0)
        return;
    const int64_t allowed = value_of(metrics, "process_max_fds");
    if (allowed == 0)
        check_add(check, CHECK_NOTE, subject, NULL, "it does not tell how many files it may open");
    else if (allowed < needed)
        check_add(check, CHECK_WARNING, subject,
                  arena_printf(check->arena,
                               "systemctl edit kontalk-%s%s: [Service] LimitNOFILE=%" PRId64
                               "; or lower [%s] %s",
                               daemon->daemon, strcmp(daemon->daemon, "c2s") == 0 ? "@" : "",
                               needed, daemon->section, daemon->key),
                  "it may open %" PRId64 " files, which is too few for the %" PRId64
                  " connections of [%s] %s",
                  allowed, needed - OTHER_FILES, daemon->section, daemon->key);
    else
        check_add(check, CHECK_OK, subject, NULL, "it may open %" PRId64 " files", allowed);
}

/* listen(2): what is asked for beyond this is cut in silence. */
static void check_backlog(struct check *check)
{
    const int64_t wanted = config_number(check->config, "c2s", NULL, "backlog");
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
    int64_t allowed = 0;

    if (file && fscanf(file, "%" SCNd64, &allowed) != 1)
        allowed = 0;
    if (file)
        fclose(file);
    if (allowed > 0 && allowed < wanted)
        check_add(check, CHECK_WARNING, "net.core.somaxconn",
                  arena_printf(check->arena,
                               "sysctl -w net.core.somaxconn=%" PRId64
                               " (and in /etc/sysctl.d/kontalk.conf)",
                               wanted),
                  "the kernel lets %" PRId64 " connections wait, [c2s] backlog is %" PRId64,
                  allowed, wanted);
    else if (allowed > 0)
        check_add(check, CHECK_OK, "net.core.somaxconn", NULL, "%" PRId64, allowed);
}

void check_limits(struct check *check)
{
    for (size_t i = 0; i < ARRAY_SIZE(DAEMONS); i++)
        check_files(check, &DAEMONS[i]);
    check_backlog(check);
}
