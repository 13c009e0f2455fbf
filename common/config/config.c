/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Loading: the main file, then those of conf.d.
 */
#include "common/config/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/config/loader.h"

/* The directory of `path`, absolute, so that a dump means the same anywhere. */
static const char *directory_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *directory = slash ? arena_strndup(arena, path, (size_t)(slash - path) + 1) : ".";
    char *real = realpath(directory, NULL);

    if (real) {
        directory = arena_strdup(arena, real);
    }
    free(real);
    return directory;
}

static int is_part(const struct dirent *entry)
{
    const char *suffix = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && suffix && strcmp(suffix, ".conf") == 0;
}

/* By bytes: the same order in every locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_parts(struct config_loader *loader)
{
    struct arena *arena = loader->config->arena;
    const char *directory = arena_printf(arena, "%s/conf.d", loader->directory);
    struct dirent **entries = NULL;

    int count = scandir(directory, &entries, is_part, by_name);
    if (count < 0 && errno != ENOENT) {
        const struct config_place place = {directory, 1, 1};
        config_loader_report(loader, &place, "cannot read the directory: %s", strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        /* Reported and counted. */
        (void)!config_loader_read(loader,
                                  arena_printf(arena, "%s/%s", directory, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}

/* place: the path that it will have; NULL: this one. */
static int load(const char *path, const char *place,
                void (*report)(void *user, const struct config_finding *finding), void *user,
                struct config **config)
{
    struct config_loader loader = {
        .config = config_new(), .report = report, .user = user, .start = {path, 1, 1}};

    loader.directory = directory_of(loader.config->arena, path);
    loader.elsewhere = place ? directory_of(loader.config->arena, place) : NULL;
    int error = config_loader_read(&loader, path);
    if (!error) {
        load_parts(&loader);
        config_loader_finish(&loader);
        error = loader.mistakes > 0 ? ERR_INVALID : 0;
    }
    if (error) {
        config_free(loader.config);
        return error;
    }
    *config = loader.config;
    return 0;
}

int config_load_reporting(const char *path,
                          void (*report)(void *user, const struct config_finding *finding),
                          void *user, struct config **config)
{
    return load(path, NULL, report, user, config);
}

static void print_finding(void *user, const struct config_finding *finding)
{
    fprintf(user, "%s:%zu:%zu: %s\n", finding->file, finding->line, finding->column, finding->text);
}

int config_load(const char *path, FILE *errors, struct config **config)
{
    return config_load_reporting(path, print_finding, errors, config);
}

int config_load_for(const char *path, const char *place, FILE *errors, struct config **config)
{
    return load(path, place, print_finding, errors, config);
}
