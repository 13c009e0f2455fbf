/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * kontalkctl trace: all daemons of the node say what they decide about stanzas of or for an address
 * (common/service/follow.h); their lines come together in the order of time. A thread listens to
 * each process; lines are held for a moment, since one daemon may say it later than another. What
 * belongs to one stanza, or is its answer, has one number, and times from its first hop on.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/base/utf8.h"
#include "common/config/number.h"
#include "common/service/control.h"
#include "common/service/follow.h"
#include "kontalkctl/ctl.h"

#define HOLD_US 300000
#define TICK_NS 100000000
/* Beyond its time a daemon that says nothing is not waited for. */
#define PATIENCE_US 3000000
/* Of stanzas that lines are put together for. */
#define STANZAS_MAX 4096

struct hop {
    int64_t time;
    json_t *line;
    struct hop *prev, *next;
};

/* What hops have in common. */
struct followed {
    UT_hash_handle hh; /* the oldest first */
    char *key;
    unsigned number;
    char *shown;         /* what its last line was about: type and sender */
    int64_t first, last; /* its hops */
};

struct source {
    struct tracing *tracing;
    char *path;
    char *problem;
    pthread_t thread;
    struct source *prev, *next;
};

struct tracing {
    pthread_mutex_t lock; /* of what stands here */
    pthread_cond_t changed;
    struct hop *hops; /* in order of time */
    unsigned running; /* threads */
    /* set before the threads begin */
    const char *words[4];
    size_t count;
    struct source *sources;
    /* of the main thread */
    bool json;
    struct followed *followed;
    unsigned numbers;
    unsigned begun, count_sources;
    int64_t deadline;
};

/* --- listening --- */

static int later(const struct hop *a, const struct hop *b)
{
    return a->time < b->time ? -1 : a->time > b->time;
}

static void on_line(void *user, const char *text)
{
    struct source *source = user;
    struct tracing *tracing = source->tracing;
    json_t *line = json_loads(text, 0, NULL);
    struct hop *hop, *at;

    if (!line)
        return;
    hop = xcalloc(1, sizeof(*hop));
    hop->line = line;
    hop->time = json_integer_value(json_object_get(line, "time"));
    pthread_mutex_lock(&tracing->lock);
    DL_FOREACH (tracing->hops, at) {
        if (later(at, hop) > 0)
            break;
    }
    if (at)
        DL_PREPEND_ELEM(tracing->hops, at, hop);
    else
        DL_APPEND(tracing->hops, hop);
    pthread_cond_signal(&tracing->changed);
    pthread_mutex_unlock(&tracing->lock);
}

static void *listen_to(void *user)
{
    struct source *source = user;
    struct tracing *tracing = source->tracing;

    /* That it went away is nothing wrong: others go on. */
    (void)!control_follow(source->path, tracing->count, tracing->words, on_line, source,
                          &source->problem);
    pthread_mutex_lock(&tracing->lock);
    tracing->running--;
    pthread_cond_signal(&tracing->changed);
    pthread_mutex_unlock(&tracing->lock);
    return NULL;
}

static void add_source(void *user, const char *path)
{
    struct tracing *tracing = user;
    struct source *source = xcalloc(1, sizeof(*source));

    source->tracing = tracing;
    source->path = xstrdup(path);
    DL_APPEND(tracing->sources, source);
}

/* --- which stanza --- */

static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    return text ? text : "";
}

/* A stanza and its answer come to the same: the addresses in alphabetical order. */
static char *key_of(const json_t *line)
{
    const char *from = text_of(line, "from"), *to = text_of(line, "to");
    bool turned = strcmp(from, to) > 0;
    const char *a = turned ? to : from, *b = turned ? from : to;

    return xasprintf("%s\n%s\n%.*s\n%.*s", text_of(line, "stanza"), text_of(line, "id"),
                     (int)strcspn(a, "/"), a, (int)strcspn(b, "/"), b);
}

static void forget(struct tracing *tracing, struct followed *followed)
{
    HASH_DEL(tracing->followed, followed);
    free(followed->key);
    free(followed->shown);
    free(followed);
}

static struct followed *find_followed(struct tracing *tracing, const struct hop *hop)
{
    struct followed *followed;
    char *key = key_of(hop->line);

    HASH_FIND_STR(tracing->followed, key, followed);
    if (followed) {
        free(key);
        return followed;
    }
    if (HASH_COUNT(tracing->followed) >= STANZAS_MAX)
        forget(tracing, tracing->followed);
    followed = xcalloc(1, sizeof(*followed));
    followed->key = key;
    followed->number = ++tracing->numbers;
    followed->first = followed->last = hop->time;
    HASH_ADD_KEYPTR(hh, tracing->followed, followed->key, strlen(followed->key), followed);
    return followed;
}

/* --- showing --- */

static void append_time(struct buffer *line, int64_t time)
{
    time_t seconds = (time_t)(time / 1000000);
    struct tm local;
    char text[16];

    localtime_r(&seconds, &local);
    strftime(text, sizeof(text), "%H:%M:%S", &local);
    buffer_printf(line, "%s.%06d", text, (int)(time % 1000000));
}

/* Ids and types are any text of strangers, ends of lines too. */
static void print_line(struct buffer *line)
{
    utf8_hide_controls(line->data);
    puts(line->data);
    buffer_fini(line);
}

static void print_stanza(const struct followed *followed, const json_t *line)
{
    const json_t *children = json_object_get(line, "children"), *child;
    const char *type = text_of(line, "type"), *id = text_of(line, "id");
    const char *condition = text_of(line, "condition");
    struct buffer text = {0};
    size_t index;

    buffer_printf(&text, "#%u %s%s%s from %s to %s", followed->number, text_of(line, "stanza"),
                  *type ? " " : "", type, text_of(line, "from"), text_of(line, "to"));
    if (*id)
        buffer_printf(&text, " id %s", id);
    buffer_printf(&text, ", %lld bytes:", json_integer_value(json_object_get(line, "size")));
    json_array_foreach(children, index, child)
    {
        buffer_printf(&text, " <%s/>", json_string_value(child));
    }
    buffer_printf(&text, "%s%s", *condition ? " " : "", condition);
    print_line(&text);
}

/* What the stanza is stands above its first hop, and above those of an answer. */
static void print_hop(struct tracing *tracing, const struct hop *hop)
{
    struct followed *followed = find_followed(tracing, hop);
    char *shown = xasprintf("%s %s", text_of(hop->line, "type"), text_of(hop->line, "from"));
    struct buffer line = {0};

    if (!followed->shown || strcmp(followed->shown, shown) != 0)
        print_stanza(followed, hop->line);
    free(followed->shown);
    followed->shown = shown;
    append_time(&line, hop->time);
    buffer_printf(&line, " #%u %+9.3f ms  %-8s %s", followed->number,
                  (double)(hop->time - followed->last) / 1000, text_of(hop->line, "daemon"),
                  text_of(hop->line, "decision"));
    print_line(&line);
    followed->last = hop->time;
}

static void print_left_out(const struct hop *hop)
{
    struct buffer line = {0};

    append_time(&line, hop->time);
    buffer_printf(&line, " %s left out %lld more", text_of(hop->line, "daemon"),
                  json_integer_value(json_object_get(hop->line, "left_out")));
    print_line(&line);
}

/* Its line, with its number and the microseconds since the first hop and the one before. */
static void dump_hop(struct tracing *tracing, const struct hop *hop)
{
    if (json_object_get(hop->line, "stanza")) {
        struct followed *followed = find_followed(tracing, hop);
        json_object_set_new(hop->line, "number", json_integer(followed->number));
        json_object_set_new(hop->line, "since_first", json_integer(hop->time - followed->first));
        json_object_set_new(hop->line, "since_last", json_integer(hop->time - followed->last));
        followed->last = hop->time;
    }
    json_dumpf(hop->line, stdout, JSON_COMPACT);
    putchar('\n');
}

static void show(struct tracing *tracing, const struct hop *hop)
{
    if (json_object_get(hop->line, "begins"))
        tracing->begun++;
    else if (tracing->json)
        dump_hop(tracing, hop);
    else if (json_object_get(hop->line, "left_out"))
        print_left_out(hop);
    else
        print_hop(tracing, hop);
}

/* Those behind which nothing is expected any more. Says once that all daemons are listening. */
static void show_until(struct tracing *tracing, int64_t time)
{
    unsigned before = tracing->begun;

    while (tracing->hops && tracing->hops->time <= time) {
        struct hop *hop = tracing->hops;
        DL_DELETE(tracing->hops, hop);
        show(tracing, hop);
        json_decref(hop->line);
        free(hop);
    }
    fflush(stdout);
    if (tracing->begun > before && tracing->begun == tracing->count_sources)
        fprintf(stderr, "kontalkctl: %u daemons are watched\n", tracing->begun);
}

/* --- the verb --- */

static void start(struct tracing *tracing)
{
    struct source *source;

    pthread_mutex_lock(&tracing->lock);
    DL_FOREACH (tracing->sources, source) {
        if (pthread_create(&source->thread, NULL, listen_to, source) == 0)
            tracing->running++;
    }
    tracing->count_sources = tracing->running;
}

/* With the lock, which is given up while it waits. */
static void wait_for_lines(struct tracing *tracing)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&tracing->changed, &tracing->lock, &until);
}

/* What a daemon has refused; a daemon that is gone is none of them any more. */
static int result_of(const struct tracing *tracing)
{
    const struct source *source;

    DL_FOREACH (tracing->sources, source) {
        if (source->problem)
            return ctl_fail("%s", source->problem);
    }
    return EXIT_SUCCESS;
}

/* Threads of daemons that stand still end with the process. */
static int run(struct tracing *tracing)
{
    start(tracing);
    while (tracing->running > 0 && clock_wall_us() < tracing->deadline) {
        wait_for_lines(tracing);
        show_until(tracing, clock_wall_us() - HOLD_US);
    }
    show_until(tracing, INT64_MAX);
    if (tracing->running > 0)
        ctl_fail("%u daemons did not end in time", tracing->running);
    pthread_mutex_unlock(&tracing->lock);
    return result_of(tracing);
}

/* --json, --for TIME, --id ID, in any order. */
static int read_options(struct tracing *tracing, size_t argc, const char *const *argv,
                        const char **time)
{
    for (size_t i = 0; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0) {
            tracing->json = true;
        } else if (strcmp(argv[i], "--for") == 0 && has_value) {
            *time = argv[++i];
        } else if (strcmp(argv[i], "--id") == 0 && has_value) {
            tracing->words[3] = argv[++i];
        } else {
            ctl_fail("no option is called '%s', or it lacks its value", argv[i]);
            return ERR_INVALID;
        }
    }
    return 0;
}

static int trace(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    struct tracing *tracing = xcalloc(1, sizeof(*tracing)); /* threads may outlive us */
    const char *time = "60s";
    int64_t ms;

    if (read_options(tracing, argc - 1, argv + 1, &time))
        return EXIT_FAILURE;
    if (config_number_parse(CONFIG_DURATION, time, &ms) != 0 || ms < 1000 ||
        ms > FOLLOW_SECONDS_MAX * 1000)
        return ctl_fail("--for: from 1s to 1h");
    tracing->words[0] = "trace";
    tracing->words[1] = argv[0];
    tracing->words[2] = xasprintf("%d", (int)(ms / 1000));
    tracing->count = tracing->words[3] ? 4 : 3;
    tracing->deadline = clock_wall_us() + ms * 1000 + PATIENCE_US;
    pthread_mutex_init(&tracing->lock, NULL);
    pthread_cond_init(&tracing->changed, NULL);
    for (size_t i = 0; ctl_daemons[i]; i++)
        ctl_processes(ctl, ctl_daemons[i], add_source, tracing);
    return tracing->sources ? run(tracing) : ctl_fail("no daemon is running");
}

const struct ctl_verb trace_verbs[] = {
    {"trace", 1, 6, trace,
     "JID [--for TIME] [--id ID] [--json]  follows stanzas of or for it through the daemons"},
    {0},
};
