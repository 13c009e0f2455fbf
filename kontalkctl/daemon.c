/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking the running daemons.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/service/control.h"
#include "kontalkctl/ctl.h"

static const char *const daemons[] = {"router", "c2s", "net", "s2s"};

int ctl_follow(const struct ctl *ctl, const char *daemon, size_t argc, const char *const *argv,
               void (*line)(void *user, const char *text), void *user)
{
    const char *directory = config_text(ctl->config, "node", NULL, "run-directory");
    char *path = xasprintf("%s/kontalk-%s.ctl", directory, daemon);
    char *problem;
    int error = control_follow(path, argc, argv, line, user, &problem);

    if (problem)
        ctl_fail("%s", problem);
    free(problem);
    free(path);
    return error;
}

static void print_line(void *user UNUSED, const char *text)
{
    puts(text);
}

int ctl_ask(const struct ctl *ctl, const char *daemon, size_t argc, const char *const *argv)
{
    return ctl_follow(ctl, daemon, argc, argv, print_line, NULL);
}

static int ask_one(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(daemons); i++) {
        if (strcmp(argv[0], daemons[i]) != 0)
            continue;
        int error = ctl_ask(ctl, argv[0], argc - 1, argv + 1);
        if (error == ERR_UNAVAILABLE)
            return ctl_fail("kontalk-%s is not running", argv[0]);
        return error ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    return ctl_fail("no daemon is called '%s'", argv[0]);
}

static int status(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const ping[] = {"ping"};
    bool all = true;

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < 2; i++) /* net and s2s are not part of every node */
        if (ctl_ask(ctl, daemons[i], 1, ping) != 0) {
            printf("kontalk-%s is not running\n", daemons[i]);
            all = false;
        }
    return all ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int reload(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const words[] = {"reload"};
    int worst = EXIT_SUCCESS;

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < ARRAY_SIZE(daemons); i++)
        if (ctl_ask(ctl, daemons[i], 1, words) == ERR_INVALID)
            worst = EXIT_FAILURE;
    return worst;
}

const struct ctl_verb daemon_verbs[] = {
    {"status", 0, 0, status, "  which daemons run"},
    {"reload", 0, 0, reload, "  all daemons read their configuration again"},
    {"ask", 2, 62, ask_one, "DAEMON WORD …  a command of a daemon ('ask c2s help' lists them)"},
    {0},
};
