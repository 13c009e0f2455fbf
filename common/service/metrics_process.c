/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The metrics that every process has. Their names without our prefix are those that Prometheus
 * client libraries use for any process.
 */
#include "common/service/metrics_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/base/log_count.h"

void process_init(struct process *process, const char *service, const char *version)
{
    *process = (struct process){service, version, (double)(clock_wall_us() / 1000000)};
}

static void read_build(void *state, struct metric_samples *samples)
{
    const struct process *process = state;

    metric_add(samples, 1,
               METRIC_LABELS({"daemon", process->service}, {"version", process->version}));
}

static void read_start(void *state, struct metric_samples *samples)
{
    metric_add(samples, ((const struct process *)state)->started, NULL);
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void read_cpu(void *state UNUSED, struct metric_samples *samples)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metric_add(samples, seconds(&usage.ru_utime) + seconds(&usage.ru_stime), NULL);
}

/* proc(5): the second number of statm is what is resident, in pages. */
static void read_memory(void *state UNUSED, struct metric_samples *samples)
{
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t pages;

    if (file && fscanf(file, "%*u %" SCNu64, &pages) == 1)
        metric_add(samples, (double)pages * (double)sysconf(_SC_PAGESIZE), NULL);
    if (file)
        fclose(file);
}

static void read_descriptors(void *state UNUSED, struct metric_samples *samples)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metric_add(samples, (double)limit.rlim_cur, NULL);
}

static void add_event(void *user, const struct log_count *count)
{
    metric_add(user, (double)count->count,
               METRIC_LABELS({"event", count->event}, {"level", log_level_name(count->level)},
                             {"reason", count->reason ? count->reason : ""}));
}

static void read_events(void *state UNUSED, struct metric_samples *samples)
{
    log_each_count(add_event, samples);
}

static void add_limit(void *user, const char *key, uint64_t count)
{
    metric_add(user, (double)count, METRIC_LABELS({"limit", key}));
}

static void read_limits(void *state UNUSED, struct metric_samples *samples)
{
    limit_each(add_limit, samples);
}

const struct metric process_metrics[] = {
    {"kontalk_build_info", METRIC_GAUGE, "Which daemon this is, and its version.", read_build},
    {"process_start_time_seconds", METRIC_GAUGE, "When the process began, since 1970.", read_start},
    {"process_cpu_seconds", METRIC_COUNTER, "CPU time of the process.", read_cpu},
    {"process_resident_memory_bytes", METRIC_GAUGE, "Memory of the process that is resident.",
     read_memory},
    {"process_max_fds", METRIC_GAUGE, "How many descriptors the process may have open.",
     read_descriptors},
    {"kontalk_events", METRIC_COUNTER,
     "How often each event of the log came, with what its line gives as the reason.", read_events},
    {"kontalk_limits", METRIC_COUNTER,
     "How often a limit of the configuration held somebody back, by its key.", read_limits},
    {0},
};
