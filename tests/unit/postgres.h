/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A PostgreSQL server of the test's own: in a new directory, reachable over a unix socket there. It
 * ends with the test, however that ends.
 */
#pragma once

#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/macros.h"
#include "common/base/memory.h"

struct postgres {
    char *programs;  /* the directory of initdb and postgres */
    char *directory; /* everything is in it */
    char *data;
    char *conninfo;
    pid_t server;
};

/* The newest that is installed where Debian puts it; NULL: none. */
static char *postgres_programs(void)
{
    for (int version = 30; version >= 14; version--) {
        char *directory = xasprintf("/usr/lib/postgresql/%d/bin", version);
        char *program = xasprintf("%s/postgres", directory);
        bool there = access(program, X_OK) == 0;

        free(program);
        if (there) {
            return directory;
        }
        free(directory);
    }
    return NULL;
}

/* PostgreSQL refuses to run as root. */
static void postgres_drop_root(void)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;

    if (user != NULL && (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
                         setuid(user->pw_uid) < 0)) {
        _exit(126);
    }
}

/* The parent's death is the child's; to be set after the user has changed, which clears it. */
static pid_t postgres_spawn(const struct postgres *postgres, char *const *argv)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child != 0) {
        return child;
    }
    postgres_drop_root();
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    char *log = xasprintf("%s/log", postgres->directory);
    if (getppid() != parent || chdir(postgres->directory) < 0 ||
        freopen(log, "a", stdout) == NULL || dup2(STDOUT_FILENO, STDERR_FILENO) < 0) {
        _exit(126);
    }
    execv(argv[0], argv);
    _exit(127);
}

static bool postgres_exited_well(pid_t child)
{
    int status;

    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static char *postgres_program(const struct postgres *postgres, const char *name)
{
    return xasprintf("%s/%s", postgres->programs, name);
}

static bool postgres_initdb(struct postgres *postgres)
{
    char *program = postgres_program(postgres, "initdb");
    char *argv[] = {program, "-D", postgres->data,      "-U",         "test", "-A", "trust", "-E",
                    "UTF8",  "-N", "--no-instructions", "--locale=C", NULL};
    bool done = postgres_exited_well(postgres_spawn(postgres, argv));

    free(program);
    return done;
}

/* The last line of postmaster.pid says "ready". */
static bool postgres_ready(const struct postgres *postgres)
{
    char *path = xasprintf("%s/postmaster.pid", postgres->data);
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    bool ready = false, own = false;

    for (int number = 0; file != NULL && getline(&line, &size, file) > 0; number++) {
        own = number == 0 ? strtol(line, NULL, 10) == postgres->server : own;
        ready = strncmp(line, "ready", 5) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    free(line);
    free(path);
    return ready && own;
}

/* False if it does not come up within a minute or ends. */
static bool postgres_start(struct postgres *postgres)
{
    char *program = postgres_program(postgres, "postgres");
    char *argv[] = {program,
                    "-D",
                    postgres->data,
                    "-k",
                    postgres->directory,
                    "-c",
                    "listen_addresses=",
                    "-c",
                    "fsync=off",
                    "-c",
                    "max_connections=40",
                    NULL};
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    bool ready = false;

    postgres->server = postgres_spawn(postgres, argv);
    free(program);
    for (int tries = 0; tries < 3000 && !ready; tries++) {
        if (waitpid(postgres->server, NULL, WNOHANG) != 0) {
            return false;
        }
        nanosleep(&pause, NULL);
        ready = postgres_ready(postgres);
    }
    return ready;
}

/* At once, as a crash; the server's processes are gone when it returns. */
static void postgres_kill(struct postgres *postgres)
{
    if (postgres->server > 0) {
        kill(postgres->server, SIGQUIT);
        waitpid(postgres->server, NULL, 0);
        postgres->server = 0;
    }
}

static bool postgres_make_directory(struct postgres *postgres)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    char *directory = xstrdup("/tmp/kontalk-test-XXXXXX");

    if (mkdtemp(directory) == NULL) {
        free(directory);
        return false;
    }
    postgres->directory = directory;
    postgres->data = xasprintf("%s/data", directory);
    postgres->conninfo = xasprintf("host=%s user=test dbname=postgres", directory);
    return user == NULL || chown(directory, user->pw_uid, user->pw_gid) == 0;
}

static void postgres_remove(struct postgres *postgres)
{
    char *argv[] = {"/bin/rm", "-rf", postgres->directory, NULL};

    postgres_kill(postgres);
    if (postgres->directory != NULL) {
        pid_t child = fork();

        if (child == 0) {
            execv(argv[0], argv);
            _exit(127);
        }
        postgres_exited_well(child);
    }
    free(postgres->programs);
    free(postgres->directory);
    free(postgres->data);
    free(postgres->conninfo);
}

/* NULL, or why there is none. */
static const char *postgres_new(struct postgres *postgres)
{
    *postgres = (struct postgres){.programs = postgres_programs()};
    if (postgres->programs == NULL) {
        return "PostgreSQL is not installed";
    }
    if (geteuid() == 0 && getpwnam("postgres") == NULL) {
        return "root, and no user postgres to run PostgreSQL as";
    }
    if (!postgres_make_directory(postgres) || !postgres_initdb(postgres) ||
        !postgres_start(postgres)) {
        return "PostgreSQL does not start";
    }
    return NULL;
}
