/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The life of a daemon, from its options to its orderly end.
 */
#include "common/service/service.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/io/timer.h"
#include "common/service/features.h"
#include "common/service/follow.h"
#include "common/service/metrics_http.h"
#include "common/service/notify.h"

#define DEFAULT_CONFIG   "/etc/kontalk/kontalk.conf"
#define STOP_DEADLINE_MS 10000

#ifndef KONTALK_VERSION
#define KONTALK_VERSION "0.1"
#endif

/* The one service of this process. */
static struct running {
    const struct service *service;
    const char *config_path;
    const char *instance; /* NULL: the only one */
    char *process;        /* "c2s@2" */
    struct config *config;
    struct loop *loop;
    void *state;
    struct control *control;
    struct features *features;
    struct metrics *metrics;
    struct metrics_http *metrics_http;
    uv_signal_t signals[3];
    struct timer *watchdog;
    struct timer *deadline;
    bool stopping;
} running;

enum action { ACTION_RUN, ACTION_CHECK, ACTION_DUMP, ACTION_MANUAL };

struct options {
    const char *config_path;
    const char *instance;
    enum action action;
};

static void print_help(FILE *out)
{
    fprintf(out,
            "%s: %s\n\n"
            "  -c, --config FILE  read this instead of %s\n"
            "  -i, --instance ID  one of several that serve the same configuration\n"
            "      --check        check the configuration and end\n"
            "      --dump         print the configuration in force and end\n"
            "      --manual       print the manual page of the configuration and end\n"
            "      --version\n"
            "      --help\n",
            running.service->name, running.service->description, DEFAULT_CONFIG);
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"instance", required_argument, NULL, 'i'},
        {"check", no_argument, NULL, 'k'},        {"dump", no_argument, NULL, 'd'},
        {"manual", no_argument, NULL, 'm'},       {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    struct options options = {.config_path = DEFAULT_CONFIG};
    int option;

    while ((option = getopt_long(argc, argv, "c:i:", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            options.config_path = optarg;
            break;
        case 'i':
            options.instance = optarg;
            if (strchr(optarg, '/') == NULL)
                break;
            print_help(stderr);
            exit(2);
            break;
        case 'k':
            options.action = ACTION_CHECK;
            break;
        case 'd':
            options.action = ACTION_DUMP;
            break;
        case 'm':
            options.action = ACTION_MANUAL;
            break;
        case 'v':
            printf("%s %s\n", running.service->name, KONTALK_VERSION);
            exit(EXIT_SUCCESS);
        case 'h':
            print_help(stdout);
            exit(EXIT_SUCCESS);
        default:
            print_help(stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        print_help(stderr);
        exit(2);
    }
    return options;
}

static void apply_log_level(const struct config *config)
{
    enum log_level level;

    if (log_level_parse(config_text(config, "node", NULL, "log-level"), &level) == 0)
        log_set_level(level);
}

static void warn_of_restart(void *user UNUSED, const struct config_change *change)
{
    if (change->item && (change->item->flags & CONFIG_RESTART))
        log_warn("config_needs_restart", LOG_TEXT("section", change->section->name),
                 LOG_TEXT("key", change->item->key));
}

static void reload(void)
{
    struct config *fresh = NULL;

    notify_send("RELOADING=1");
    int error = config_load(running.config_path, stderr, &fresh);
    if (error == 0 && running.service->reload)
        error = running.service->reload(running.state, fresh);
    if (error == 0) {
        config_compare(running.config, fresh, warn_of_restart, NULL);
        config_hold(fresh, running.config);
        config_free(running.config);
        running.config = fresh;
        apply_log_level(fresh);
        log_info("config_reloaded", LOG_TEXT("file", running.config_path));
    } else {
        config_free(fresh);
        log_error("config_reload_failed", LOG_TEXT("file", running.config_path), LOG_ERROR(error));
    }
    notify_send("READY=1");
}

static void close_everything(void *user UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(running.signals); i++)
        uv_close((uv_handle_t *)&running.signals[i], NULL);
    timer_close(running.watchdog);
    timer_close(running.deadline);
    follow_close();
    if (running.control)
        control_close(running.control);
    free(running.process);
    if (running.metrics_http)
        metrics_http_close(running.metrics_http);
    loop_stop(running.loop);
}

static void stop_overdue(void *user UNUSED)
{
    log_error("service_stop_overdue", LOG_INT("ms", STOP_DEADLINE_MS));
    _exit(EXIT_FAILURE);
}

void service_stop(void)
{
    if (running.stopping)
        return;
    running.stopping = true;
    log_info("service_stopping", LOG_TEXT("service", running.service->name));
    notify_send("STOPPING=1");
    timer_start(running.deadline, STOP_DEADLINE_MS, 0);
    running.service->stop(running.state, close_everything, NULL);
}

static void on_signal(uv_signal_t *handle UNUSED, int number)
{
    if (number != SIGHUP && running.stopping)
        _exit(EXIT_FAILURE); /* asked twice: at once */
    else if (number != SIGHUP)
        service_stop();
    else if (!running.stopping)
        reload();
}

static void catch_signals(void)
{
    static const int numbers[ARRAY_SIZE(running.signals)] = {SIGTERM, SIGINT, SIGHUP};

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        uv_signal_init(loop_uv(running.loop), &running.signals[i]);
        uv_signal_start(&running.signals[i], on_signal, numbers[i]);
    }
}

static void feed_watchdog(void *user UNUSED)
{
    notify_send("WATCHDOG=1");
}

static void start_watchdog(void)
{
    uint64_t interval = notify_watchdog_ms();

    running.watchdog = timer_new(running.loop, feed_watchdog, NULL);
    if (interval > 0)
        timer_start(running.watchdog, interval, interval);
}

static void command_ping(void *state UNUSED, struct control_request *request, size_t argc UNUSED,
                         const char *const *argv UNUSED)
{
    control_print(request, "%s %s", running.service->name, KONTALK_VERSION);
    control_end(request, NULL);
}

static void command_reload(void *state UNUSED, struct control_request *request, size_t argc UNUSED,
                           const char *const *argv UNUSED)
{
    const struct config *before = running.config;

    reload();
    control_end(request, running.config == before ? "the new configuration has errors" : NULL);
}

static void command_log_level(void *state UNUSED, struct control_request *request,
                              size_t argc UNUSED, const char *const *argv)
{
    enum log_level level;

    if (log_level_parse(argv[0], &level) == 0) {
        log_set_level(level);
        control_end(request, NULL);
    } else {
        control_end(request, "not one of error, warn, info, debug");
    }
}

static void command_features(void *state UNUSED, struct control_request *request,
                             size_t argc UNUSED, const char *const *argv UNUSED)
{
    features_print(running.features, request);
    control_end(request, NULL);
}

static void print_lines(struct control_request *request, char *text)
{
    char *line;

    while ((line = strsep(&text, "\n")) != NULL)
        control_print(request, "%s", line);
}

/* The first line tells the processes of a daemon apart. */
static void command_config(void *state UNUSED, struct control_request *request, size_t argc UNUSED,
                           const char *const *argv UNUSED)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    config_dump(running.config, 0, out);
    fclose(out);
    control_print(request, "# %s%s%s", running.service->name, running.instance ? "@" : "",
                  running.instance ? running.instance : "");
    print_lines(request, text);
    free(text);
    control_end(request, NULL);
}

static void command_metrics(void *state UNUSED, struct control_request *request, size_t argc UNUSED,
                            const char *const *argv UNUSED)
{
    struct buffer text = {0};

    metrics_write(running.metrics, &text);
    text.data[text.length - 1] = '\0'; /* the last line has its end from elsewhere */
    print_lines(request, text.data);
    buffer_fini(&text);
    control_end(request, NULL);
}

static const char *problem(void *user UNUSED)
{
    return running.service->problem ? running.service->problem(running.state) : NULL;
}

static void command_health(void *state UNUSED, struct control_request *request, size_t argc UNUSED,
                           const char *const *argv UNUSED)
{
    const char *text = problem(NULL);

    control_print(request, "%s %s: %s", running.service->name, KONTALK_VERSION, text ? text : "ok");
    control_end(request, NULL);
}

static const struct control_command common_commands[] = {
    {"ping", 0, 0, command_ping, "  whether it is there"},
    {"reload", 0, 0, command_reload, "  read the configuration again"},
    {"log-level", 1, 1, command_log_level, "LEVEL  error, warn, info or debug, until the end"},
    {"features", 0, 0, command_features, "  the specifications it serves"},
    {"config", 0, 0, command_config, "  the configuration in force"},
    {"metrics", 0, 0, command_metrics, "  what it counts, as OpenMetrics text"},
    {"health", 0, 0, command_health, "  what keeps it from serving as it should, or ok"},
    {0},
};

/* "<run-directory>/kontalk-c2s@2.ctl"; free() it. */
static char *socket_path(const char *suffix)
{
    const char *name = running.service->name, *instance = running.instance;
    char *directory = config_run_directory(running.config, strchr(name, '-') + 1);
    char *path = xasprintf("%s/%s%s%s.%s", directory, name, instance ? "@" : "",
                           instance ? instance : "", suffix);

    free(directory);
    return path;
}

static void add_commands(void)
{
    const char *instance = running.instance;

    running.process = xasprintf("%s%s%s", strchr(running.service->name, '-') + 1,
                                instance ? "@" : "", instance ? instance : "");
    control_add(running.control, common_commands, NULL);
    follow_open(running.loop, running.control, running.process);
}

static int open_control(void)
{
    char *path = socket_path("ctl");
    const char *reason = NULL;
    int error = control_open(running.loop, path, &running.control, &reason);

    if (error)
        log_error("control_failed", LOG_TEXT("path", path), LOG_TEXT("reason", reason));
    else
        add_commands();
    free(path);
    return error;
}

/* Without them it serves as well. */
static void listen_for_metrics(const char *address)
{
    const char *reason = NULL;

    if (metrics_http_listen(running.metrics_http, address, &reason) != 0)
        log_error("metrics_failed", LOG_TEXT("address", address), LOG_TEXT("reason", reason));
}

static void open_metrics(void)
{
    const char *section = strchr(running.service->name, '-') + 1;
    char *path = socket_path("metrics");
    char *address = xasprintf("unix:%s", path);
    size_t count = config_list_size(running.config, section, NULL, "metrics-listen");

    running.metrics_http = metrics_http_new(running.loop, running.metrics, problem, NULL);
    listen_for_metrics(address);
    for (size_t i = 0; i < count; i++)
        listen_for_metrics(config_list_item(running.config, section, NULL, "metrics-listen", i));
    free(address);
    free(path);
}

void service_add_commands(const struct control_command *commands, void *state)
{
    control_add(running.control, commands, state);
}

void service_add_metrics(const struct metric *metrics, void *state)
{
    metrics_add(running.metrics, metrics, state);
}

void service_add_specs(const struct spec *specs, const char *where)
{
    features_add(running.features, specs, where);
}

/* One descriptor per client: as many as the administrator lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(void)
{
    mallopt(M_ARENA_MAX, 1); /* threads only compute; one heap stays compact */
    raise_descriptor_limit();
    apply_log_level(running.config);
    running.loop = loop_new();
    running.deadline = timer_new(running.loop, stop_overdue, NULL);
    running.features = features_new();
    running.metrics = metrics_new(running.service->name, KONTALK_VERSION);
    if (running.service->specs)
        service_add_specs(running.service->specs, strchr(running.service->name, '-') + 1);
    catch_signals();
    if (open_control() != 0)
        return EXIT_FAILURE;
    log_info("service_starting", LOG_TEXT("service", running.service->name),
             LOG_TEXT("version", KONTALK_VERSION), LOG_TEXT("config", running.config_path));
    if (running.service->start(running.loop, running.config, &running.state) != 0)
        return EXIT_FAILURE;
    if (running.service->commands)
        service_add_commands(running.service->commands, running.state);
    if (running.service->metrics)
        service_add_metrics(running.service->metrics, running.state);
    open_metrics();
    start_watchdog();
    loop_run(running.loop);
    loop_free(running.loop);
    features_free(running.features);
    metrics_free(running.metrics);
    config_free(running.config);
    log_info("service_stopped", LOG_TEXT("service", running.service->name));
    return EXIT_SUCCESS;
}

int service_main(const struct service *service, int argc, char **argv)
{
    running.service = service;
    struct options options = read_options(argc, argv);

    if (options.action == ACTION_MANUAL) {
        config_manual(stdout);
        return EXIT_SUCCESS;
    }
    running.config_path = options.config_path;
    running.instance = options.instance;
    if (config_load(options.config_path, stderr, &running.config) != 0)
        return EXIT_FAILURE;
    if (options.action == ACTION_RUN)
        return run();
    if (options.action == ACTION_DUMP)
        config_dump(running.config, 0, stdout);
    config_free(running.config);
    return EXIT_SUCCESS;
}

const char *service_instance(void)
{
    return running.instance;
}

static void send_with_status(const char *state, const char *status)
{
    char *message = xasprintf("%sSTATUS=%s", state, status);

    notify_send(message);
    free(message);
}

void service_ready(const char *status)
{
    log_info("service_ready", LOG_TEXT("service", running.service->name),
             LOG_TEXT("status", status));
    send_with_status("READY=1\n", status);
}

void service_status(const char *status)
{
    send_with_status("", status);
}

const char *service_version(void)
{
    return KONTALK_VERSION;
}
