/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Emptying a worker, and waiting until it has ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "kontalkctl/ctl.h"

/* Until the process has gone: longer than a daemon may take to stop. */
#define END_MS  15000
#define LOOK_MS 50

struct progress {
    bool json;
    size_t clients, others, told, left;
    uint64_t begun_ms;
};

static double seconds_since(uint64_t begun_ms)
{
    return (double)(clock_monotonic_ms() - begun_ms) / 1000;
}

static void on_line(void *user, const char *text)
{
    struct progress *progress = user;

    if (sscanf(text, "clients %zu others %zu", &progress->clients, &progress->others) == 2) {
        if (!progress->json)
            printf("%8s %8s %8s\n", "seconds", "told", "left");
    } else if (sscanf(text, "told %zu left %zu", &progress->told, &progress->left) == 2) {
        if (!progress->json)
            printf("%8.1f %8zu %8zu\n", seconds_since(progress->begun_ms), progress->told,
                   progress->left);
    }
    fflush(stdout);
}

static void ignore(void *user UNUSED, const char *text UNUSED)
{
}

/* Whether it has. */
static bool wait_for_end(const struct ctl *ctl, const char *worker)
{
    static const char *const words[] = {"ping"};
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    uint64_t begun_ms = clock_monotonic_ms();

    while (ctl_follow(ctl, worker, ARRAY_SIZE(words), words, ignore, NULL) != ERR_UNAVAILABLE) {
        if (clock_monotonic_ms() - begun_ms > END_MS)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static void tell(const char *worker, const struct progress *progress, bool ended)
{
    double seconds = seconds_since(progress->begun_ms);

    if (progress->json) {
        ctl_print_json(json_pack("{ss si si si si sf sb}", "worker", worker, "clients",
                                 (int)progress->clients, "told", (int)progress->told, "left",
                                 (int)progress->left, "others", (int)progress->others, "seconds",
                                 seconds, "ended", ended));
        return;
    }
    printf("kontalk-%s has told %zu clients in %.1f s%s\n", worker, progress->told, seconds,
           ended ? " and ended" : ", and has not ended yet");
    if (progress->left > 0)
        printf("%zu connections were cut that had not closed\n", progress->left);
    if (progress->others == 0)
        puts("No other worker runs on this node: clients find nobody until one is started");
}

/* "c2s@N [--seconds N] [--json]" */
static bool read_words(size_t argc, const char *const *argv, const char **seconds, bool *json)
{
    for (size_t i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            *json = true;
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            *seconds = argv[++i];
        else
            return false;
    }
    return true;
}

static int drain(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct progress progress = {.begun_ms = clock_monotonic_ms()};
    const char *words[] = {"drain", "30"};

    if (!read_words(argc, argv, &words[1], &progress.json))
        return ctl_fail("drain takes --seconds N and --json, and nothing else");
    if (strncmp(argv[0], "c2s@", 4) != 0 && strcmp(argv[0], "c2s") != 0)
        return ctl_fail("only workers can be drained: c2s@N");
    int error = ctl_follow(ctl, argv[0], ARRAY_SIZE(words), words, on_line, &progress);
    if (error)
        return ctl_asked(argv[0], error);
    bool ended = wait_for_end(ctl, argv[0]);
    tell(argv[0], &progress, ended);
    return ended ? EXIT_SUCCESS : EXIT_FAILURE;
}

const struct ctl_verb drain_verbs[] = {
    {"drain", 1, 4, drain,
     "c2s@N [--seconds N] [--json]  a worker takes no more clients, tells those it has, ends"},
    {0},
};
