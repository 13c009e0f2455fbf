/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The verb.
 */
#include "kontalkctl/check/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"

static const char *const SEVERITY_NAMES[SEVERITIES] = {"ok", "note", "warning", "error"};
#define AREAS_MAX 32

/* --- for areas --- */

void check_add(struct check *check, enum severity severity, const char *subject, const char *remedy,
               const char *format, ...)
{
    va_list arguments;
    char *cause = NULL;

    va_start(arguments, format);
    if (vasprintf(&cause, format, arguments) < 0)
        abort();
    va_end(arguments);
    /* What servers say need not be UTF-8, and then there would be no finding. */
    for (unsigned char *at = (unsigned char *)cause; *at; at++)
        *at = *at < ' ' || *at > '~' ? '?' : *at;
    json_t *finding =
        json_pack("{s:s, s:s, s:s, s:s, s:s*}", "severity", SEVERITY_NAMES[severity], "area",
                  check->area, "subject", subject, "cause", cause, "remedy", remedy);
    char *line = finding ? json_dumps(finding, JSON_COMPACT) : NULL;
    if (line)
        dprintf(check->out, "%s\n", line);
    free(line);
    json_decref(finding);
    free(cause);
}

static void keep_line(void *user, const char *text)
{
    buffer_printf(user, "%s\n", text);
}

int check_ask(struct check *check, const char *daemon, size_t argc, const char *const *argv,
              const char **answer)
{
    struct buffer lines = {0};

    buffer_append_text(&lines, "");
    char *problem = NULL;
    int error = ctl_follow_quietly(check->ctl, daemon, argc, argv, keep_line, &lines, &problem);
    *answer = arena_strdup(check->arena, error == ERR_INVALID && problem ? problem : lines.data);
    free(problem);
    buffer_fini(&lines);
    return error;
}

bool check_has(const struct check *check, const char *daemon)
{
    return config_text(check->config, daemon, NULL, "secret-file") != NULL;
}

/* --- a process for each area --- */

struct running {
    const struct check_area *area;
    pid_t pid;
    int fd; /* -1: it has ended */
    struct buffer said;
};

struct run {
    struct ctl ctl;
    struct check check;
    bool json;
    struct running areas[AREAS_MAX];
    size_t count;
    json_t *findings;
    size_t counts[SEVERITIES];
};

static _Noreturn void be_area(struct run *run, const struct check_area *area, int out)
{
    struct check check = run->check;

    signal(SIGPIPE, SIG_IGN);
    check.area = area->name;
    check.arena = arena_new();
    check.out = out;
    area->run(&check);
    _exit(EXIT_SUCCESS);
}

static int begin_area(struct run *run, const struct check_area *area)
{
    struct running *running = &run->areas[run->count];
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return ctl_fail("%s", strerror(errno));
    fflush(stdout);
    *running = (struct running){.area = area, .fd = ends[0], .pid = fork()};
    if (running->pid == 0)
        be_area(run, area, ends[1]);
    close(ends[1]);
    if (running->pid < 0)
        return ctl_fail("%s", strerror(errno));
    run->count++;
    return 0;
}

/* --- what they have found --- */

static enum severity severity_of(const json_t *finding)
{
    const char *name = json_string_value(json_object_get(finding, "severity"));
    int severity = CHECK_ERROR;

    while (severity > CHECK_OK && (!name || strcmp(SEVERITY_NAMES[severity], name) != 0))
        severity--;
    return (enum severity)severity;
}

static void keep(struct run *run, json_t *finding)
{
    run->counts[severity_of(finding)]++;
    json_array_append_new(run->findings, finding);
}

static void fail_area(struct run *run, const struct running *running, const char *cause)
{
    keep(run, json_pack("{s:s, s:s, s:s, s:s}", "severity", "error", "area", running->area->name,
                        "subject", "check", "cause", cause));
}

static void take_findings(struct run *run, struct running *running)
{
    char *at = running->said.data, *line;

    while (at && (line = strsep(&at, "\n")) != NULL) {
        json_t *finding = *line ? json_loads(line, 0, NULL) : NULL;
        if (finding)
            keep(run, finding);
    }
    buffer_fini(&running->said);
}

/* In the order of the areas, whichever ended first. */
static void end_area(struct run *run, struct running *running)
{
    int status = 0;
    bool late = running->fd >= 0;

    if (late) {
        kill(running->pid, SIGKILL);
        close(running->fd);
    }
    while (waitpid(running->pid, &status, 0) < 0 && errno == EINTR)
        ;
    take_findings(run, running);
    if (late)
        fail_area(run, running, "it took too long and was ended");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_area(run, running, "it ended before its time");
}

static void receive(struct running *running)
{
    char bytes[4096];
    ssize_t got = read(running->fd, bytes, sizeof(bytes));

    if (got > 0) {
        buffer_append(&running->said, bytes, (size_t)got);
    } else if (got == 0 || errno != EINTR) {
        close(running->fd);
        running->fd = -1;
    }
}

/* Until all have ended, or their time is over. */
static void collect(struct run *run)
{
    const uint64_t end_ms = clock_monotonic_ms() + CHECK_AREA_MS;
    struct pollfd polled[AREAS_MAX];

    for (;;) {
        const uint64_t now_ms = clock_monotonic_ms();
        bool open = false;

        for (size_t i = 0; i < run->count; i++) {
            polled[i] = (struct pollfd){.fd = run->areas[i].fd, .events = POLLIN};
            open |= run->areas[i].fd >= 0;
        }
        if (!open || now_ms >= end_ms)
            return;
        if (poll(polled, run->count, (int)(end_ms - now_ms)) < 0)
            continue;
        for (size_t i = 0; i < run->count; i++)
            if (polled[i].fd >= 0 && polled[i].revents)
                receive(&run->areas[i]);
    }
}

/* --- the result --- */

static const char *text_of(const json_t *finding, const char *key)
{
    return json_string_value(json_object_get(finding, key));
}

static void print_finding(const json_t *finding)
{
    const char *remedy = text_of(finding, "remedy");

    printf("%-8s %-9s %s: %s\n", text_of(finding, "severity"), text_of(finding, "area"),
           text_of(finding, "subject"), text_of(finding, "cause"));
    if (remedy)
        printf("%-8s %-9s   -> %s\n", "", "", remedy);
}

static void print_table(const struct run *run)
{
    for (size_t i = 0; i < json_array_size(run->findings); i++)
        print_finding(json_array_get(run->findings, i));
    printf("%zu error%s, %zu warning%s\n", run->counts[CHECK_ERROR],
           run->counts[CHECK_ERROR] == 1 ? "" : "s", run->counts[CHECK_WARNING],
           run->counts[CHECK_WARNING] == 1 ? "" : "s");
}

static int print_result(struct run *run)
{
    if (run->json)
        ctl_print_json(json_incref(run->findings));
    else
        print_table(run);
    return run->counts[CHECK_ERROR] ? 2 : run->counts[CHECK_WARNING] ? 1 : 0;
}

/* --- the verb --- */

static const struct check_area *find_area(const char *name)
{
    const struct check_area *area = check_areas;

    while (area->name && strcmp(area->name, name) != 0)
        area++;
    return area->name ? area : NULL;
}

static int begin_named(struct run *run, size_t argc, const char *const *argv)
{
    int error = 0;

    for (size_t i = 0; i < argc && !error; i++) {
        const struct check_area *area = find_area(argv[i]);
        if (!area)
            return ctl_fail("no area is called '%s'", argv[i]);
        if (area->takes_argument && i + 1 == argc)
            return ctl_fail("'%s' has to be followed by a domain", argv[i]);
        run->check.argument = area->takes_argument ? argv[++i] : NULL;
        error = run->count == AREAS_MAX ? ctl_fail("these are too many") : begin_area(run, area);
    }
    return error;
}

static int begin_all(struct run *run)
{
    int error = 0;

    for (const struct check_area *area = check_areas; area->name && !error; area++)
        if (!area->takes_argument)
            error = begin_area(run, area);
    return error;
}

/* What is wrong in the file is for the area that tells it; the others need what it says. */
static void ignore_finding(void *user UNUSED, const struct config_finding *finding UNUSED)
{
}

/* Without a configuration there is one area. */
static int begin(struct run *run, size_t argc, const char *const *argv, struct config **config)
{
    if (config_load_reporting(run->check.ctl->path, ignore_finding, NULL, config) != 0)
        return begin_area(run, find_area("config"));
    run->ctl.config = run->check.config = *config;
    return argc > 0 ? begin_named(run, argc, argv) : begin_all(run);
}

static int check(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct run run = {.ctl = *ctl, .findings = json_array()};
    struct config *config = NULL;

    const bool first = argc > 0 && strcmp(argv[0], "--json") == 0;
    const bool last = argc > 1 && strcmp(argv[argc - 1], "--json") == 0;

    run.json = first || last;
    run.check.ctl = &run.ctl;
    int error = begin(&run, argc - first - last, argv + first, &config);
    collect(&run);
    for (size_t i = 0; i < run.count; i++)
        end_area(&run, &run.areas[i]);
    int status = error ? 2 : print_result(&run);
    json_decref(run.findings);
    config_free(config);
    return status;
}

const struct ctl_verb check_verbs[] = {
    {"check", 0, 17, check,
     "[--json] [AREA …]  what is wrong with this server, and what to do (docs/KONTALKCTL.md)"},
    {0},
};
