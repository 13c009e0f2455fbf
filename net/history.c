/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The documents that were in force.
 */
#include "net/history.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/number.h"

static char *directory_of(const char *path)
{
    return xasprintf("%s.history", path);
}

struct keeping {
    char *directory, *file;
    const struct network *network; /* counted */
    int reason;                    /* errno, or 0 */
};

static void keep(void *user)
{
    struct keeping *keeping = user;
    const struct network *network = keeping->network;

    if ((mkdir(keeping->directory, 0755) != 0 && errno != EEXIST) ||
        (access(keeping->file, F_OK) != 0 &&
         network_save(keeping->file, network->text, network->text_length) != 0))
        keeping->reason = errno;
}

static void on_kept(void *user)
{
    struct keeping *keeping = user;

    if (keeping->reason)
        log_warn("document_not_kept", LOG_TEXT("file", keeping->file),
                 LOG_TEXT("reason", strerror(keeping->reason)));
    network_unref(keeping->network);
    free(keeping->file);
    free(keeping->directory);
    free(keeping);
}

void history_keep(struct loop *loop, const char *path, const struct network *network)
{
    struct keeping *keeping = xcalloc(1, sizeof(*keeping));

    keeping->directory = directory_of(path);
    keeping->file = xasprintf("%s/%" PRIu64, keeping->directory, network->serial);
    keeping->network = network_ref(network);
    loop_work(loop, keep, on_kept, keeping);
}

/* 0: none. */
static uint64_t lowest_above(DIR *directory, uint64_t since)
{
    uint64_t lowest = 0;
    const struct dirent *entry;

    while ((entry = readdir(directory)) != NULL) {
        int64_t serial;
        if (config_number_parse(CONFIG_NUMBER, entry->d_name, &serial) == 0 &&
            (uint64_t)serial > since && (lowest == 0 || (uint64_t)serial < lowest))
            lowest = (uint64_t)serial;
    }
    return lowest;
}

int history_after(const char *path, uint64_t since, struct network **network)
{
    char *name = directory_of(path);
    DIR *directory = opendir(name);
    uint64_t serial = directory ? lowest_above(directory, since) : 0;
    char *file = xasprintf("%s/%" PRIu64, name, serial);
    int error = serial > 0 ? network_load(file, NULL, network) : ERR_NOT_FOUND;

    if (directory)
        closedir(directory);
    free(file);
    free(name);
    return error ? ERR_NOT_FOUND : 0;
}
