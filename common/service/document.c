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

/* What somebody puts into the file meanwhile must not be written over. */
static int replace_file(const struct document *document, const struct stat *before,
                        const struct network *network, char **problem)
{
    int error = network_replace(document->path, before, network->text, network->text_length);

    return error ? refuse(error, problem, strerror(errno)) : 0;
}

static int take(struct document *document, const struct network *next, char **problem)
{
    const struct network *admitted = NULL;
    struct stat before;

    if (stat(document->path, &before) != 0)
        return refuse(ERR_SYSTEM, problem, strerror(errno));
    (void)!read_again(document);
    int error = admit(document, next, problem, &admitted);
    if (error)
        return error;
    error = replace_file(document, &before, admitted, problem);
    if (error)
        network_unref(admitted);
    else
        put_in_force(document, admitted);
    return error;
}

int document_take(struct document *document, const char *text, size_t length, char **problem)
{
    struct network *next = NULL;
    int error = document->network ? parse("document", text, length, &next, problem)
                                  : refuse(ERR_DENIED, problem, "there is no document to follow");

    for (unsigned tries = 0; !error && tries < TAKE_TRIES; tries++) {
        error = take(document, next, problem);
        if (error != ERR_AGAIN)
            break;
        if (tries + 1 < TAKE_TRIES) {
            free(*problem);
            *problem = NULL;
            error = 0;
        }
    }
    network_unref(next);
    return error;
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
    free(document->path);
    free(document->host);
    free(document->domain);
    free(document);
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
