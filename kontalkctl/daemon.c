/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking the running daemons.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/accounts.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/service/control.h"
#include "kontalkctl/ctl.h"

const char *const ctl_daemons[] = {"router", "c2s", "net", "s2s", "files", "muc", NULL};

/* A question to all processes of one daemon, of which there can be several. */
struct question {
    size_t argc;
    const char *const *argv;
    void (*line)(void *user, const char *text);
    void *user;
    bool for_one;  /* one of them answers: whoever serves the account, or any */
    char *problem; /* of the last one that refused */
};

static int ask_process(struct question *question, const char *directory, const char *name)
{
    char *path = xasprintf("%s/%s", directory, name);
    char *problem;
    int error = control_follow(path, question->argc, question->argv, question->line, question->user,
                               &problem);

    if (problem) {
        free(question->problem);
        question->problem = problem;
    }
    free(path);
    return error;
}

static bool is_elsewhere(const struct question *question)
{
    return question->for_one && question->problem &&
           strcmp(question->problem, ACCOUNT_ELSEWHERE) == 0;
}

/* "kontalk-c2s.ctl", "kontalk-c2s@c2s-2.ctl"; of the daemon "c2s@c2s-2" only that one. */
static bool is_socket_of(const char *name, const char *daemon)
{
    static const char prefix[] = "kontalk-", suffix[] = ".ctl";
    size_t length = strlen(name), daemon_length = strlen(daemon);
    const char *rest = name + sizeof(prefix) - 1 + daemon_length;

    return length >= sizeof(prefix) - 1 + daemon_length + sizeof(suffix) - 1 &&
           strncmp(name, prefix, sizeof(prefix) - 1) == 0 &&
           strncmp(name + sizeof(prefix) - 1, daemon, daemon_length) == 0 &&
           (rest[0] == '@' || rest[0] == '.') &&
           strcmp(name + length - (sizeof(suffix) - 1), suffix) == 0;
}

void ctl_processes(const struct ctl *ctl, const char *daemon,
                   void (*process)(void *user, const char *path), void *user)
{
    char *directory = config_run_directory(ctl->config, daemon);
    struct dirent **names = NULL;
    int count = scandir(directory, &names, NULL, alphasort);

    if (count < 0 && errno != ENOENT)
        ctl_fail("%s: %s", directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *path = xasprintf("%s/%s", directory, names[i]->d_name);
        if (is_socket_of(names[i]->d_name, daemon))
            process(user, path);
        free(path);
        free(names[i]);
    }
    free(names);
    free(directory);
}

/* What the worst of those that run has said; a process that is gone says nothing. */
static int ask_all(struct question *question, const char *directory, const char *daemon)
{
    struct dirent **names = NULL;
    int count = scandir(directory, &names, NULL, alphasort);
    int result = ERR_UNAVAILABLE;
    bool done = false;

    if (count < 0 && errno != ENOENT) {
        question->problem = xasprintf("%s: %s", directory, strerror(errno));
        result = ERR_INVALID;
    }
    for (int i = 0; i < count; i++) {
        if (!done && is_socket_of(names[i]->d_name, daemon)) {
            int error = ask_process(question, directory, names[i]->d_name);
            if (error != ERR_UNAVAILABLE && (result != ERR_INVALID || question->for_one))
                result = error;
            done = question->for_one && error != ERR_UNAVAILABLE && !is_elsewhere(question);
        }
        free(names[i]);
    }
    free(names);
    return result;
}

/* What is asked about an account only its worker knows, of invitations any; what the directory says
 * they all do. */
static bool is_for_one(size_t argc, const char *const *argv)
{
    return strcmp(argv[0], "user") == 0 || strcmp(argv[0], "invite") == 0 ||
           (argc > 1 && strcmp(argv[0], "directory") == 0 && strcmp(argv[1], "claim") != 0);
}

int ctl_follow_quietly(const struct ctl *ctl, const char *daemon, size_t argc,
                       const char *const *argv, void (*line)(void *user, const char *text),
                       void *user, char **problem)
{
    struct question question = {
        .argc = argc, .argv = argv, .line = line, .user = user, .for_one = is_for_one(argc, argv)};
    char *directory = config_run_directory(ctl->config, daemon);
    int error = ask_all(&question, directory, daemon);

    free(directory);
    *problem = question.problem;
    return error;
}

int ctl_follow(const struct ctl *ctl, const char *daemon, size_t argc, const char *const *argv,
               void (*line)(void *user, const char *text), void *user)
{
    char *problem = NULL;
    int error = ctl_follow_quietly(ctl, daemon, argc, argv, line, user, &problem);

    if (error == ERR_INVALID && problem)
        ctl_fail("%s", problem);
    free(problem);
    return error;
}

int ctl_asked(const char *daemon, int error)
{
    if (error == ERR_UNAVAILABLE)
        return ctl_fail("kontalk-%s is not running", daemon);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_line(void *user UNUSED, const char *text)
{
    puts(text);
}

int ctl_ask(const struct ctl *ctl, const char *daemon, size_t argc, const char *const *argv)
{
    return ctl_follow(ctl, daemon, argc, argv, print_line, NULL);
}

/* Of arguments everybody on the machine knows; the verbs have it on standard input. */
static bool has_password(size_t argc, const char *const *argv)
{
    return argc > 4 && strcmp(argv[1], "user") == 0 &&
           (strcmp(argv[2], "add") == 0 || strcmp(argv[2], "passwd") == 0);
}

static int ask_one(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    if (has_password(argc, argv))
        return ctl_fail("no password in an argument: kontalkctl user %s %s", argv[2], argv[3]);
    for (size_t i = 0; ctl_daemons[i]; i++) {
        size_t length = strcspn(argv[0], "@");
        if (strlen(ctl_daemons[i]) != length || strncmp(argv[0], ctl_daemons[i], length) != 0)
            continue;
        return ctl_asked(argv[0], ctl_ask(ctl, argv[0], argc - 1, argv + 1));
    }
    return ctl_fail("no daemon is called '%s'", argv[0]);
}

static void note_health(void *user, const char *text)
{
    bool *well = user;
    static const char ok[] = ": ok";
    size_t length = strlen(text);

    puts(text);
    if (length < sizeof(ok) - 1 || strcmp(text + length - (sizeof(ok) - 1), ok) != 0)
        *well = false;
}

static int status(const struct ctl *ctl, size_t argc UNUSED, const char *const *argv UNUSED)
{
    static const char *const words[] = {"health"};
    bool well = true;

    for (size_t i = 0; ctl_daemons[i]; i++) {
        int error = ctl_follow(ctl, ctl_daemons[i], ARRAY_SIZE(words), words, note_health, &well);
        if (error == ERR_INVALID) /* it may not be asked, which was said */
            well = false;
        if (error != ERR_UNAVAILABLE || i >= 2) /* the others are not part of every node */
            continue;
        printf("kontalk-%s is not running\n", ctl_daemons[i]);
        well = false;
    }
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int reload(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const words[] = {"reload"};
    int worst = EXIT_SUCCESS;

    (void)argc;
    (void)argv;
    for (size_t i = 0; ctl_daemons[i]; i++)
        if (ctl_ask(ctl, ctl_daemons[i], 1, words) == ERR_INVALID)
            worst = EXIT_FAILURE;
    return worst;
}

struct heading {
    const char *daemon; /* NULL: it has been said */
};

static void print_below(void *user, const char *text)
{
    struct heading *heading = user;

    if (heading->daemon)
        printf("kontalk-%s:\n", heading->daemon);
    heading->daemon = NULL;
    puts(text);
}

/* Of those that run and have any. */
static int show_tls(const struct ctl *ctl, size_t argc UNUSED, const char *const *argv UNUSED)
{
    static const char *const showing[] = {"c2s", "s2s", "net", "files"};
    static const char *const words[] = {"show", "tls"};
    bool any = false;

    for (size_t i = 0; i < ARRAY_SIZE(showing); i++) {
        struct heading heading = {showing[i]};
        int error = ctl_follow(ctl, showing[i], ARRAY_SIZE(words), words, print_below, &heading);
        any = any || error == 0;
    }
    return any ? EXIT_SUCCESS : ctl_fail("no daemon is running that has a certificate");
}

const struct ctl_verb daemon_verbs[] = {
    {"status", 0, 0, status, "  which daemons run, and what keeps them from serving"},
    {"reload", 0, 0, reload, "  all daemons read their configuration again"},
    {"show tls", 0, 0, show_tls, "  the certificates that the daemons have in memory"},
    {"ask", 2, 62, ask_one, "DAEMON WORD …  a command of a daemon ('ask c2s help' lists them)"},
    {0},
};
