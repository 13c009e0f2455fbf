/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `kontalkctl restore`: looks at all of a backup, and at what is here, before anything changes.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "files/index.h"
#include "kontalkctl/backup.h"
#include "kontalkctl/network.h"

struct restore {
    struct backup backup;
    struct ctl ctl;     /* with the configuration that counts */
    const char *target; /* the directory of the main file here */
    bool check, force, keep_configuration;
};

static int read_options(struct restore *restore, size_t argc, const char *const *argv)
{
    const struct {
        const char *name;
        bool *set;
    } options[] = {{"--check", &restore->check},
                   {"--force", &restore->force},
                   {"--keep-configuration", &restore->keep_configuration}};

    for (size_t i = 0; i + 1 < argc; i++) {
        size_t known = 0;
        while (known < ARRAY_SIZE(options) && strcmp(options[known].name, argv[i]) != 0)
            known++;
        if (known == ARRAY_SIZE(options)) {
            ctl_fail("no option is called '%s'", argv[i]);
            return ERR_INVALID;
        }
        *options[known].set = true;
    }
    return 0;
}

/* --- the backup --- */

static const char *main_file(const struct restore *restore)
{
    return backup_path(&restore->backup,
                       arena_printf(restore->backup.arena, "%s/%s", BACKUP_CONFIGURATION,
                                    restore->backup.values[BACKUP_MAIN_FILE]));
}

/* The backup's configuration, as this release reads it, or the one that is here. */
static int load_configuration(struct restore *restore)
{
    struct config *config = NULL;
    int error = restore->keep_configuration
                    ? config_load(restore->ctl.path, stderr, &config)
                    : config_load_for(main_file(restore), restore->ctl.path, stderr, &config);

    if (error)
        return ERR_INVALID;
    restore->ctl.config = config;
    return 0;
}

static int verify_index(const struct backup *backup)
{
    static const char name[] = BACKUP_FILES "/index.sqlite";
    char *problem = NULL;
    uint64_t files = 0;

    if (!backup_find(backup, name))
        return 0;
    int error = index_check(backup_path(backup, name), &files, &problem);
    if (error)
        ctl_fail("%s: %s", name, problem);
    free(problem);
    return error;
}

/* What is read as the configuration is what was looked at. */
static int verify_main_file(const struct restore *restore)
{
    const char *name = arena_printf(restore->backup.arena, "%s/%s", BACKUP_CONFIGURATION,
                                    restore->backup.values[BACKUP_MAIN_FILE]);

    if (backup_find(&restore->backup, name))
        return 0;
    ctl_fail("the manifest names no %s", name);
    return ERR_INVALID;
}

static int verify(struct restore *restore)
{
    int error = backup_open(&restore->backup);

    if (!error)
        error = backup_verify(&restore->backup);
    if (!error)
        error = backup_verify_databases(&restore->backup);
    if (!error)
        error = verify_index(&restore->backup);
    if (!error)
        error = verify_main_file(restore);
    return error ? error : load_configuration(restore);
}

static void describe(const struct backup *backup)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < backup->count; i++)
        bytes += backup->pieces[i].size;
    printf("backup of %s (%s) of %s: %zu pieces, %" PRIu64 " bytes\n", backup->values[BACKUP_HOST],
           backup->values[BACKUP_NETWORK], backup->values[BACKUP_CREATED], backup->count, bytes);
}

/* --- what is here --- */

/* NULL: it is not put back. */
static const char *place_of(const struct restore *restore, const struct backup_piece *piece)
{
    struct arena *arena = restore->backup.arena;
    const char *inside = backup_inside(piece->name, BACKUP_CONFIGURATION);

    if (inside && strcmp(inside, restore->backup.values[BACKUP_MAIN_FILE]) == 0)
        return restore->keep_configuration ? NULL : restore->ctl.path;
    if (inside)
        return restore->keep_configuration ? NULL
                                           : arena_printf(arena, "%s/%s", restore->target, inside);
    if ((inside = backup_inside(piece->name, BACKUP_SYSTEM)))
        return restore->keep_configuration ? NULL : arena_printf(arena, "/%s", inside);
    if ((inside = backup_inside(piece->name, BACKUP_FILES)))
        return arena_printf(arena, "%s/%s",
                            config_text(restore->ctl.config, "files", NULL, "directory"), inside);
    return NULL;
}

static void ignore_line(void *user UNUSED, const char *text UNUSED)
{
}

static int check_stopped(const struct restore *restore)
{
    static const char *const words[] = {"ping"};

    for (size_t i = 0; ctl_daemons[i]; i++)
        if (ctl_follow(&restore->ctl, ctl_daemons[i], ARRAY_SIZE(words), words, ignore_line,
                       NULL) != ERR_UNAVAILABLE) {
            ctl_fail("kontalk-%s runs: stop everything before (systemctl stop kontalk.target "
                     "'kontalk-*')",
                     ctl_daemons[i]);
            return ERR_INVALID;
        }
    return 0;
}

static bool differs(const struct backup *backup, const char *name, const char *path)
{
    const struct backup_piece *piece = backup_find(backup, name);
    char sha256[BACKUP_HASH_SIZE];
    uint64_t size;

    return !piece || backup_digest(path, sha256, &size) != 0 || strcmp(sha256, piece->sha256) != 0;
}

/* The main file is the package's; who has configured something has done it beside. */
static int check_configuration(const struct restore *restore)
{
    struct arena *arena = restore->backup.arena;
    const char *directory = arena_printf(arena, "%s/conf.d", restore->target);
    struct dirent **names = NULL;
    int count = restore->keep_configuration ? 0 : scandir(directory, &names, NULL, alphasort);
    int error = 0;

    for (int i = 0; i < count; i++) {
        size_t length = strlen(names[i]->d_name);
        const char *path = arena_printf(arena, "%s/%s", directory, names[i]->d_name);
        if (!error && length > 5 && strcmp(names[i]->d_name + length - 5, ".conf") == 0 &&
            differs(&restore->backup,
                    arena_printf(arena, "%s/conf.d/%s", BACKUP_CONFIGURATION, names[i]->d_name),
                    path)) {
            ctl_fail("%s is there: this server has been set up (--force replaces it, "
                     "--keep-configuration leaves it)",
                     path);
            error = ERR_EXISTS;
        }
        free(names[i]);
    }
    free(names);
    return error;
}

static int check_files(const struct restore *restore)
{
    const struct backup_piece *piece = backup_find(&restore->backup, BACKUP_FILES "/index.sqlite");
    const char *path = piece ? place_of(restore, piece) : NULL;
    char *problem = NULL;
    uint64_t files = 0;

    if (!path || access(path, F_OK) != 0)
        return 0;
    int error = index_check(path, &files, &problem);
    if (error || files > 0)
        ctl_fail("%s: %s (--force removes them)", path, error ? problem : "there are files");
    free(problem);
    return error || files > 0 ? ERR_EXISTS : 0;
}

static bool is_passfile(const struct restore *restore, const char *path)
{
    static const char *const keys[][2] = {
        {"database", "conninfo"}, {"database", "owner-conninfo"}, {"muc", "conninfo"}};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *named = backup_passfile(
            &restore->backup, config_text(restore->ctl.config, keys[i][0], NULL, keys[i][1]));
        if (named && strcmp(named, path) == 0)
            return true;
    }
    return false;
}

/* Without passwords no database can even be asked. */
static int put_passfiles(const struct restore *restore)
{
    const struct backup *backup = &restore->backup;
    int error = 0;

    for (size_t i = 0; !error && i < backup->count; i++) {
        const struct backup_piece *piece = &backup->pieces[i];
        const char *path = piece->is_directory ? NULL : place_of(restore, piece);
        if (path && access(path, F_OK) != 0 && is_passfile(restore, path))
            error = restore_piece(backup, piece, path, false);
    }
    return error;
}

static int check_here(const struct restore *restore)
{
    int error = check_stopped(restore);

    if (!error && !restore->force)
        error = check_configuration(restore);
    if (!error && !restore->force)
        error = check_files(restore);
    if (!error)
        error = put_passfiles(restore);
    return error || restore->force ? error : restore_is_empty(&restore->backup, &restore->ctl);
}

/* --- putting it back --- */

/* SQLite would apply a log that belongs to another index. */
static void remove_logs(const struct restore *restore)
{
    static const char *const names[] = {"-wal", "-shm"};
    const struct backup_piece *piece = backup_find(&restore->backup, BACKUP_FILES "/index.sqlite");

    for (size_t i = 0; piece && i < ARRAY_SIZE(names); i++)
        (void)!unlink(
            arena_printf(restore->backup.arena, "%s%s", place_of(restore, piece), names[i]));
}

/* Outside of the directory of the configuration others may have to do with it, such as certbot:
 * there nothing is replaced. Passwords that are here are those of the database that is here. */
static bool is_left(const struct restore *restore, const struct backup_piece *piece,
                    const char *path)
{
    return (backup_inside(piece->name, BACKUP_SYSTEM) || is_passfile(restore, path)) &&
           access(path, F_OK) == 0;
}

static int put_back(const struct restore *restore)
{
    const struct backup *backup = &restore->backup;
    int error = 0;

    remove_logs(restore);
    for (size_t i = 0; !error && i < backup->count; i++) {
        const struct backup_piece *piece = &backup->pieces[i];
        const char *path = piece->is_directory ? NULL : place_of(restore, piece);
        if (path && !is_left(restore, piece, path))
            error = restore_piece(backup, piece, path, !backup_inside(piece->name, BACKUP_FILES));
    }
    return error;
}

static uint64_t epoch_of(const struct network *network, const char *name)
{
    for (size_t i = 0; i < network->homes_count; i++)
        if (strcmp(network->homes[i].name, name) == 0)
            return network->homes[i].epoch;
    return 0;
}

static void tell_epoch(const char *home, uint64_t epoch)
{
    printf("The home \"%s\" has epoch %" PRIu64
           " in its database now, which is served as soon as the network document says so:\n"
           "    kontalkctl network next     and there, in [home \"%s\"]: epoch = %" PRIu64 "\n"
           "    kontalkctl network sign KEY\n"
           "If the document in force has this epoch or a higher one already, take the one behind "
           "it for both, and before:\n"
           "    kontalkctl home raise EPOCH\n",
           home, epoch, home, epoch);
}

/* What the other nodes have seen of this home since the backup is not in it: it begins a new epoch
 * (docs/NETWORK.md, "A home from a backup"). */
static int begin_epoch(const struct restore *restore)
{
    const char *path = config_text(restore->ctl.config, "node", NULL, "document");
    const char *known = restore->backup.values[BACKUP_EPOCH];
    struct network *network = NULL;

    if (!path || access(path, F_OK) != 0)
        return 0;
    if (network_must_load(path, &network) != 0)
        return ERR_INVALID;
    char *home = config_home(restore->ctl.config);
    uint64_t epoch = MAX(epoch_of(network, home), strtoull(known, NULL, 10)) + 1;
    char *text = xasprintf("%" PRIu64, epoch);
    const char *const words[] = {text};
    int error = ctl_run(&restore->ctl, "home raise", 1, words) == EXIT_SUCCESS ? 0 : ERR_SYSTEM;
    if (!error)
        tell_epoch(home, epoch);
    free(text);
    free(home);
    network_unref(network);
    return error;
}

static int restore_all(const struct restore *restore)
{
    int error = check_here(restore);

    if (!error)
        error = restore_databases(&restore->backup, &restore->ctl);
    if (!error)
        error = put_back(restore);
    if (!error)
        error = begin_epoch(restore);
    if (!error)
        puts("Restored. Start it: systemctl start kontalk.target");
    return error;
}

static const char *directory_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == path)
        return "";
    return slash ? arena_strndup(arena, path, (size_t)(slash - path)) : ".";
}

static int run(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct restore restore = {.ctl = {.path = ctl->path}};

    backup_init(&restore.backup, argv[argc - 1]);
    restore.target = directory_of(restore.backup.arena, ctl->path);
    int error = read_options(&restore, argc, argv);
    if (!error)
        error = verify(&restore);
    if (!error)
        describe(&restore.backup);
    if (!error && !restore.check)
        error = restore_all(&restore);
    config_free((struct config *)(uintptr_t)restore.ctl.config);
    backup_fini(&restore.backup);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct ctl_verb restore_verbs[] = {
    {"restore", 1, 4, run,
     "[--check] [--force] [--keep-configuration] DIRECTORY  makes the server of a backup that is "
     "here; --check only looks at all of it"},
    {0},
};
