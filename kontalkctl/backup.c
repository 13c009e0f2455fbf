/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `kontalkctl backup`: while everything runs. The database comes first, so that files that its
 * messages tell of are there: they were uploaded before. The index of the files comes before their
 * content: what is in it and was removed meanwhile had expired.
 */
#include "kontalkctl/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/xmpp/datetime.h"

#define OPEN_DIRECTORIES 16

static bool is_empty_directory(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;

    if (!directory)
        return false;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count == 2;
}

/* For whoever makes it alone; one that is empty will do. */
static int make_place(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return 0;
    if (errno == EEXIST && is_empty_directory(path) && chmod(path, 0700) == 0)
        return 0;
    ctl_fail("%s: %s", path, errno == EEXIST ? "it is there already" : strerror(errno));
    return ERR_INVALID;
}

static int remove_one(const char *path, const struct stat *as, int kind, struct FTW *ftw)
{
    (void)as;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void remove_all(const char *path)
{
    (void)!nftw(path, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
}

static const char *now(struct arena *arena)
{
    char text[DATETIME_SIZE];

    datetime_format(clock_wall_us() / 1000000 * 1000000, text);
    return arena_strdup(arena, text);
}

static int collect(struct backup *backup, const struct ctl *ctl)
{
    backup->values[BACKUP_CREATED] = now(backup->arena);
    backup->values[BACKUP_HOST] = config_text(ctl->config, "node", NULL, "host");
    backup->values[BACKUP_NETWORK] = config_text(ctl->config, "node", NULL, "network");
    int error = backup_databases(backup, ctl);
    if (!error)
        error = backup_files(backup, ctl->config);
    if (!error)
        error = backup_configuration(backup, ctl);
    return error ? error : backup_finish(backup);
}

static int make(const struct ctl *ctl, const char *directory, FILE *out)
{
    struct backup backup;
    uint64_t bytes = 0;
    int error;

    backup_init(&backup, directory);
    error = collect(&backup, ctl);
    for (size_t i = 0; i < backup.count; i++)
        bytes += backup.pieces[i].size;
    if (!error)
        fprintf(out, "%zu pieces, %llu bytes\n", backup.count, (unsigned long long)bytes);
    backup_fini(&backup);
    return error;
}

static int write_archive(const char *directory)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        execlp("tar", "tar", "-C", directory, "-cf", "-", ".", (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid > 0 && status == 0)
        return 0;
    ctl_fail("the archive could not be written by tar");
    return ERR_SYSTEM;
}

/* As one archive on standard output: the manifest has to be known first, so it is made as a
 * directory before. */
static int make_archive(const struct ctl *ctl)
{
    const char *parent = getenv("TMPDIR");
    char *directory = xasprintf("%s/kontalk-backup-XXXXXX", parent ? parent : "/var/tmp");
    int error = ERR_INVALID;

    if (isatty(STDOUT_FILENO)) {
        ctl_fail("standard output is a terminal");
    } else if (!mkdtemp(directory)) {
        ctl_fail("%s: %s", directory, strerror(errno));
    } else {
        error = make(ctl, directory, stderr);
        if (!error)
            error = write_archive(directory);
        remove_all(directory);
    }
    free(directory);
    return error;
}

static int run(const struct ctl *ctl, size_t argc UNUSED, const char *const *argv)
{
    int error;

    umask(077);
    if (strcmp(argv[0], "-") == 0 && ctl->json)
        return ctl_fail("with - the archive goes to standard output: there is no room for JSON");
    if (strcmp(argv[0], "-") == 0)
        return make_archive(ctl) ? EXIT_FAILURE : EXIT_SUCCESS;
    if (make_place(argv[0]))
        return EXIT_FAILURE;
    error = make(ctl, argv[0], stdout);
    if (error)
        remove_all(argv[0]);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct ctl_verb backup_verbs[] = {
    {"backup", 1, 1, run,
     "DIRECTORY  all that makes this server, as it is at one moment, into a new directory; for - "
     "as a tar archive to standard output"},
    {0},
};
