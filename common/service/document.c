/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The network document that is in force in a daemon.
 */
#include "common/service/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/io/timer.h"
#include "common/io/watch.h"

#define LOOK_MS    ((uint64_t)3600 * 1000) /* at the clock, at least */
#define ALARM_MS   ((uint64_t)24 * 3600 * 1000)
#define SECOND_MS  ((uint64_t)1000)
#define TAKE_TRIES 5

struct document {
    struct document_settings settings;
    char *path; /* NULL: a network of one */
    char *host;
    char *domain;
    const struct network *network;
    struct watch *watch;
    struct timer *clock;
    uint64_t alarm_ms; /* when to say again that it has expired */
    struct taking *takings;
    bool writing; /* the first of them is looked at, in `turn` or in a thread */
    struct loop_task *turn;
    bool closed;
    unsigned references; /* its owner, and what is written in a thread */
};

int64_t document_now(void)
{
    return clock_wall_us() / 1000000;
}

/* --- what comes by time --- */

static uint64_t until(int64_t then, int64_t now, uint64_t least)
{
    return then > now ? MIN(least, (uint64_t)(then - now) * SECOND_MS) : least;
}

static void wait_for_the_next(struct document *document)
{
    const struct network *network = document->network;
    int64_t now = document_now();
    uint64_t ms = LOOK_MS;

    if (!network)
        return;
    ms = until(network->expires, now, ms);
    for (size_t i = 0; i < network->suspensions_count; i++) {
        ms = until(network->suspensions[i].begins, now, ms);
        ms = until(network->suspensions[i].ends, now, ms);
    }
    timer_start(document->clock, ms, 0);
}

static void look_at_expiry(struct document *document)
{
    const struct network *network = document->network;

    if (!network || !network_is_expired(network, document_now()) ||
        clock_monotonic_ms() < document->alarm_ms)
        return;
    document->alarm_ms = clock_monotonic_ms() + ALARM_MS;
    log_error("document_expired", LOG_INT("serial", network->serial));
}

static void tell(struct document *document, const struct network *before)
{
    if (document->settings.changed)
        document->settings.changed(document->settings.user, before, document->network);
}

static void on_clock(void *user)
{
    struct document *document = user;

    look_at_expiry(document);
    wait_for_the_next(document);
    if (document->network && document->network->suspensions_count > 0)
        tell(document, document->network);
}

/* --- another one --- */

static void put_in_force(struct document *document, const struct network *network)
{
    const struct network *before = document->network;

    document->network = network;
    document->alarm_ms = 0;
    if (network)
        log_info("document_in_force", LOG_INT("serial", network->serial),
                 LOG_INT("members", network->members_count),
                 LOG_INT("suspensions", network->suspensions_count));
    if (network && !document_self(document))
        log_warn("document_without_us", LOG_TEXT("host", document->host));
    look_at_expiry(document);
    wait_for_the_next(document);
    if (before)
        tell(document, before);
    network_unref(before);
}

static int refuse(int error, char **problem, const char *text)
{
    *problem = xstrdup(text);
    return error;
}

/* The same serial has to be the same body; suspensions may have been added. */
static int join(const struct network *mine, const struct network *theirs, char **problem,
                const struct network **joined)
{
    uint8_t before[NETWORK_DIGEST_SIZE], after[NETWORK_DIGEST_SIZE];
    struct buffer text = {0};
    struct network *network = NULL;
    const char *why = NULL;

    if (mine->body_length != theirs->body_length ||
        memcmp(mine->text, theirs->text, mine->body_length) != 0)
        return refuse(ERR_DENIED, problem, "another document has the same serial");
    if (network_verify(theirs, &why) != 0)
        return refuse(ERR_DENIED, problem, why);
    network_merge(&text, mine, theirs);
    int error = network_parse("document", text.data, text.length, NULL, &network);
    buffer_fini(&text);
    if (error)
        return refuse(ERR_INVALID, problem, "the two cannot be joined");
    network_digest(mine, before);
    network_digest(network, after);
    if (memcmp(before, after, sizeof(before)) == 0) {
        network_unref(network);
        return refuse(ERR_EXISTS, problem, "it has nothing new");
    }
    if (network_is_expired(mine, document_now())) {
        network_unref(network);
        return refuse(ERR_DENIED, problem, "ours has expired: only a new document can follow");
    }
    *joined = network;
    return 0;
}

/* Whether `next` may be put in force, and as what; a reference of the caller. */
static int admit(const struct document *document, const struct network *next, char **problem,
                 const struct network **admitted)
{
    const char *why = NULL;
    int error;

    if (strcmp(next->domain, document->domain) != 0)
        return refuse(ERR_DENIED, problem, "it is for another network");
    if (document->network && document->network->serial == next->serial)
        return join(document->network, next, problem, admitted);
    error = document->network ? network_verify_next(document->network, next, &why)
                              : network_verify(next, &why);
    if (error)
        return refuse(error, problem, why);
    *admitted = network_ref(next);
    return 0;
}

/* With its first mistake as the problem. */
static int parse(const char *name, const char *text, size_t length, struct network **network,
                 char **problem)
{
    char *errors = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&errors, &size);
    int error =
        text ? network_parse(name, text, length, out, network) : network_load(name, out, network);

    fclose(out);
    errors[strcspn(errors, "\n")] = '\0';
    *problem = error ? xstrdup(errors) : NULL;
    free(errors);
    return error ? ERR_INVALID : 0;
}

static int read_again(struct document *document)
{
    struct network *next = NULL;
    const struct network *admitted = NULL;
    char *problem = NULL;
    int error = parse(document->path, NULL, 0, &next, &problem);

    if (!error)
        error = admit(document, next, &problem, &admitted);
    if (!error)
        put_in_force(document, admitted);
    else if (error != ERR_EXISTS || next->serial < document->network->serial)
        log_error("document_refused", LOG_TEXT("file", document->path),
                  LOG_TEXT("reason", problem));
    bool same = error == ERR_EXISTS && next->serial == document->network->serial;
    network_unref(next);
    free(problem);
    return error && !same ? ERR_INVALID : 0;
}

/* --- one from elsewhere --- */

/* Judged, written in a thread, read again. One after the other, in the order of their coming. */
struct taking {
    struct document *document;
    struct buffer text;
    const struct network *admitted; /* what is being written */
    char *path;                     /* where; the configuration may change meanwhile */
    struct stat before;             /* of the file */
    int error, reason;              /* of the writing; errno */
    unsigned tries;
    document_taken *done;
    void *user;
    struct taking *prev, *next;
};

static void document_free(struct document *document)
{
    if (--document->references == 0)
        free(document);
}

static void taking_free(struct taking *taking)
{
    network_unref(taking->admitted);
    free(taking->path);
    buffer_fini(&taking->text);
    free(taking);
}

static void begin_next(struct document *document);

static void finish(struct taking *taking, int error, const char *problem)
{
    struct document *document = taking->document;

    DL_DELETE(document->takings, taking);
    document->writing = false;
    taking->done(taking->user, error, problem);
    taking_free(taking);
    begin_next(document);
}

/* What somebody puts into the file meanwhile must not be written over. */
static void write_file(void *user)
{
    struct taking *taking = user;

    taking->error = network_replace(taking->path, &taking->before, taking->admitted->text,
                                    taking->admitted->text_length);
    taking->reason = errno;
}

/* Our own watch may have seen it already, or there is a newer one in the file by now. */
static void on_written(void *user)
{
    struct taking *taking = user;
    struct document *document = taking->document;

    if (document->closed) {
        taking_free(taking);
    } else if (taking->error == ERR_AGAIN && ++taking->tries < TAKE_TRIES) {
        document->writing = false;
        begin_next(document);
    } else if (taking->error) {
        finish(taking, taking->error, strerror(taking->reason));
    } else {
        if (document->path)
            (void)!read_again(document);
        bool in_force = document->network && document->network->serial >= taking->admitted->serial;
        finish(taking, in_force ? 0 : ERR_SYSTEM,
               in_force ? NULL : "what was written is not what was read");
    }
    document_free(document);
}

/* What is to be written; NULL: *problem says why nothing is. */
static const struct network *judge(struct document *document, const struct taking *taking,
                                   int *error, char **problem)
{
    const struct network *admitted = NULL;
    struct network *next = NULL;

    if (!document->network)
        *error = refuse(ERR_DENIED, problem, "there is no document to follow");
    else
        *error = parse("document", taking->text.data, taking->text.length, &next, problem);
    if (!*error)
        *error = admit(document, next, problem, &admitted);
    network_unref(next);
    return admitted;
}

static void begin(struct taking *taking)
{
    struct document *document = taking->document;
    char *problem = NULL;
    int error;

    if (document->network && stat(document->path, &taking->before) != 0) {
        finish(taking, ERR_SYSTEM, strerror(errno));
        return;
    }
    if (document->network)
        (void)!read_again(document);
    network_unref(taking->admitted);
    taking->admitted = judge(document, taking, &error, &problem);
    if (taking->admitted) {
        free(taking->path);
        taking->path = xstrdup(document->path);
        document->references++;
        loop_work(document->settings.loop, write_file, on_written, taking);
    } else {
        finish(taking, error, problem);
    }
    free(problem);
}

static void on_turn(void *user)
{
    struct document *document = user;

    document->turn = NULL;
    begin(document->takings);
}

static void begin_next(struct document *document)
{
    if (document->writing || document->closed || !document->takings)
        return;
    document->writing = true;
    document->turn = loop_defer(document->settings.loop, on_turn, document);
}

void document_take(struct document *document, const char *text, size_t length, document_taken *done,
                   void *user)
{
    struct taking *taking = xcalloc(1, sizeof(*taking));

    taking->document = document;
    buffer_append(&taking->text, text, length);
    taking->done = done;
    taking->user = user;
    DL_APPEND(document->takings, taking);
    begin_next(document);
}

/* The one that is being written goes when that is done. */
static void drop_takings(struct document *document)
{
    struct taking *taking, *next;
    bool in_thread = document->writing && !document->turn;

    if (document->turn)
        loop_defer_cancel(document->turn);
    DL_FOREACH_SAFE (document->takings, taking, next) {
        if (!in_thread || taking != document->takings)
            taking_free(taking);
    }
}

/* --- from start to stop --- */

static void on_file(void *user)
{
    (void)!read_again(user);
}

static void follow(struct document *document)
{
    if (document->path && watch_new(document->settings.loop, document->path, on_file, document,
                                    &document->watch) != 0)
        log_warn("document_not_watched", LOG_TEXT("file", document->path));
}

int document_open(const struct document_settings *settings, struct document **document)
{
    struct document *opened = xcalloc(1, sizeof(*opened));
    const struct config *config = settings->config;

    opened->references = 1;
    opened->settings = *settings;
    opened->settings.config = NULL;
    opened->path = xstrdup_or_null(config_text(config, "node", NULL, "document"));
    opened->host = xstrdup(config_text(config, "node", NULL, "host"));
    opened->domain = xstrdup(config_text(config, "node", NULL, "network"));
    opened->clock = timer_new(settings->loop, on_clock, opened);
    if (opened->path && read_again(opened) != 0) {
        document_close(opened);
        return ERR_INVALID;
    }
    follow(opened);
    *document = opened;
    return 0;
}

void document_close(struct document *document)
{
    if (!document)
        return;
    watch_close(document->watch);
    timer_close(document->clock);
    network_unref(document->network);
    drop_takings(document);
    free(document->path);
    free(document->host);
    free(document->domain);
    document->closed = true;
    document_free(document);
}

static bool same_path(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int document_reload(struct document *document, const struct config *config)
{
    const char *path = config_text(config, "node", NULL, "document");

    if (!same_path(path, document->path)) {
        watch_close(document->watch);
        document->watch = NULL;
        free(document->path);
        document->path = xstrdup_or_null(path);
        follow(document);
    }
    if (document->path)
        return read_again(document);
    if (document->network) {
        log_warn("document_gone");
        timer_stop(document->clock);
        put_in_force(document, NULL);
    }
    return 0;
}

const struct network *document_network(const struct document *document)
{
    return document->network;
}

const struct network_member *document_self(const struct document *document)
{
    return document->network ? network_member_by_host(document->network, document->host) : NULL;
}
