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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
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

/* Whether it is ours alone: who makes a backup there holds the lock. */
static bool take_place(const char *path, int fd)
{
    if (fd < 0)
        ctl_fail("%s: %s", path, strerror(errno));
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        ctl_fail("%s: another backup is made there", path);
    else if (!is_empty_directory(path))
        ctl_fail("%s: it is there already", path);
    else if (fchmod(fd, 0700) != 0)
        ctl_fail("%s: %s", path, strerror(errno));
    else
        return true;
    return false;
}

/* For whoever makes it alone; one that is empty will do. A descriptor that holds it, or -1. */
static int make_place(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        ctl_fail("%s: %s", path, strerror(errno));
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (take_place(path, fd))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
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

/* --- however it ends --- */

struct job {
    const struct ctl *ctl;
    const char *directory;
    bool archive; /* goes to standard output from there */
};

static int work(const struct job *job)
{
    int error = make(job->ctl, job->directory, job->archive ? stderr : stdout);

    return !error && job->archive ? write_archive(job->directory) : error;
}

/* It and the programs that it runs are a group of their own, which ends with us. */
static NORETURN void be_worker(const struct job *job, const sigset_t *mask)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigprocmask(SIG_SETMASK, mask, NULL);
    int error = work(job);
    fflush(NULL);
    _exit(error ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* What ends us ends the worker. Returns that signal, or 0. */
static int wait_for(pid_t worker, const sigset_t *signals, int *status)
{
    int ended_by = 0;

    while (waitpid(worker, status, WNOHANG) == 0) {
        int got = sigwaitinfo(signals, NULL);
        if (got <= 0 || got == SIGCHLD)
            continue;
        ended_by = got;
        kill(-worker, SIGTERM);
        kill(worker, SIGTERM); /* it may have no group yet */
    }
    return ended_by;
}

/* By a process of its own: whatever ends that or us, nothing that looks like a backup stays, nor a
 * copy of all secrets where nobody knows of it. */
static int run_job(const struct job *job)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    sigset_t signals, before;
    int status = -1, ended_by = 0;

    sigemptyset(&signals);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        sigaddset(&signals, numbers[i]);
    sigprocmask(SIG_BLOCK, &signals, &before);
    fflush(NULL);
    pid_t worker = fork();
    if (worker == 0)
        be_worker(job, &before);
    if (worker > 0)
        ended_by = wait_for(worker, &signals, &status);
    else
        ctl_fail("%s", strerror(errno));
    if (status != 0 || job->archive)
        remove_all(job->directory);
    if (ended_by)
        raise(ended_by);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* As one archive on standard output: the manifest has to be known first, so it is made as a
 * directory before. */
static int run_archive(const struct ctl *ctl)
{
    const char *parent = getenv("TMPDIR");
    char *directory = xasprintf("%s/kontalk-backup-XXXXXX", parent ? parent : "/var/tmp");
    int status = EXIT_FAILURE;

    if (isatty(STDOUT_FILENO))
        ctl_fail("standard output is a terminal");
    else if (!mkdtemp(directory))
        ctl_fail("%s: %s", directory, strerror(errno));
    else
        status = run_job(&(struct job){.ctl = ctl, .directory = directory, .archive = true});
    free(directory);
    return status;
}

static int run(const struct ctl *ctl, size_t argc UNUSED, const char *const *argv)
{
    umask(077);
    if (strcmp(argv[0], "-") == 0 && ctl->json)
        return ctl_fail("with - the archive goes to standard output: there is no room for JSON");
    if (strcmp(argv[0], "-") == 0)
        return run_archive(ctl);
    int place = make_place(argv[0]);
    if (place < 0)
        return EXIT_FAILURE;
    int status = run_job(&(struct job){.ctl = ctl, .directory = argv[0]});
    close(place);
    return status;
}

const struct ctl_verb backup_verbs[] = {
    {"backup", 1, 1, run,
     "DIRECTORY  all that makes this server, as it is at one moment, into a new directory; for - "
     "as a tar archive to standard output"},
    {0},
};
