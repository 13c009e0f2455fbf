/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Clients in numbers.
 */
#include "tests/bench/crowd_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory.h"

#define DEADLINE_MS (900 * 1000)
/* 127.1.0.1 and so on, without addresses that end in 0 or 255. */
#define FIRST_SOURCE      0x7f010000U
#define SOURCES_IN_SUBNET 254U

/* --- running --- */

void crowd_fail(struct crowd *crowd, const char *who, const char *why)
{
    if (!crowd->failed)
        fprintf(stderr, "load: %s: %s\n", who, why);
    crowd->failed = true;
    loop_stop(crowd->setup.loop);
}

static void on_deadline(void *user)
{
    crowd_fail(user, "everybody", "the time is up");
}

int crowd_run(struct crowd *crowd)
{
    if (crowd->failed)
        return ERR_INVALID;
    timer_start(crowd->deadline, DEADLINE_MS, 0);
    loop_run(crowd->setup.loop);
    timer_stop(crowd->deadline);
    return crowd->failed ? ERR_INVALID : 0;
}

/* --- logging in --- */

static const struct session_ops session_ops;

static uint32_t source_of(size_t index)
{
    return FIRST_SOURCE + (uint32_t)(index / SOURCES_IN_SUBNET * 256) +
           (uint32_t)(index % SOURCES_IN_SUBNET) + 1;
}

static void begin_more(struct crowd *crowd)
{
    while (crowd->begun < crowd->wanted && crowd->begun - crowd->ready < crowd->at_once) {
        struct member *member = &crowd->members[crowd->begun];
        member->session =
            session_new(&crowd->setup, member->server ? member->server : crowd->server, member->jid,
                        member->password, source_of(crowd->begun), &session_ops, member);
        if (member->session == NULL) {
            crowd_fail(crowd, member->jid, strerror(errno));
            return;
        }
        crowd->begun++;
        crowd->open++;
    }
}

static void on_ready(void *user)
{
    struct member *member = user;
    struct crowd *crowd = member->crowd;

    crowd->ready++;
    if (crowd->ready == crowd->wanted)
        loop_stop(crowd->setup.loop);
    else
        begin_more(crowd);
}

int crowd_login(struct crowd *crowd, size_t count, size_t at_once)
{
    if (count <= crowd->ready)
        return 0;
    if (count > crowd->count) {
        fprintf(stderr, "load: there are only %zu accounts\n", crowd->count);
        return ERR_INVALID;
    }
    crowd->wanted = count;
    crowd->at_once = at_once;
    begin_more(crowd);
    return crowd_run(crowd);
}

/* --- talking --- */

static void send_next(struct member *member)
{
    if (member->to_send == 0)
        return;
    member->to_send--;
    session_send(member->session, member->partner->jid);
}

static void send_timed(void *user)
{
    struct crowd *crowd = user;

    crowd->timing.sent_us = clock_wall_us();
    session_send(crowd->members[0].session, crowd->members[1].jid);
}

static void took(struct crowd *crowd)
{
    struct timing *timing = &crowd->timing;

    timing->delays[timing->count++] = (uint64_t)(clock_wall_us() - timing->sent_us);
    if (timing->count == timing->wanted)
        loop_stop(crowd->setup.loop);
    else
        timer_start(timing->pause, timing->pause_ms, 0);
}

static void on_message(void *user)
{
    struct member *member = user;
    struct crowd *crowd = member->crowd;

    if (crowd->timing.count < crowd->timing.wanted) {
        took(crowd);
        return;
    }
    if (crowd->awaited == 0) {
        crowd_fail(crowd, member->jid, "a message that nobody sent");
        return;
    }
    if (--crowd->awaited == 0)
        loop_stop(crowd->setup.loop);
    else if (crowd->rooms.inside)
        crowd_heard(crowd);
    else
        send_next(member->partner);
}

int crowd_talk(struct crowd *crowd, size_t messages, size_t pairs, size_t at_once)
{
    if (pairs == 0 || 2 * pairs > crowd->ready) {
        fprintf(stderr, "load: too few clients for %zu pairs\n", pairs);
        return ERR_INVALID;
    }
    crowd->awaited = messages;
    for (size_t i = 0; i < pairs; i++) {
        struct member *sender = &crowd->members[2 * i], *recipient = sender + 1;
        sender->partner = recipient;
        recipient->partner = sender;
        sender->to_send = messages / pairs + (i < messages % pairs);
        for (size_t n = 0; n < at_once; n++)
            send_next(sender);
    }
    return messages > 0 ? crowd_run(crowd) : 0;
}

/* --- how long it takes --- */

static int by_length(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

void crowd_judge(uint64_t *delays, size_t count, struct crowd_delays *result)
{
    qsort(delays, count, sizeof(*delays), by_length);
    *result = (struct crowd_delays){delays[count / 2], delays[count * 99 / 100], delays[count - 1]};
}

int crowd_delays(struct crowd *crowd, size_t messages, uint64_t pause_ms,
                 struct crowd_delays *delays)
{
    struct timing *timing = &crowd->timing;

    if (crowd->ready < 2 || messages == 0) {
        fprintf(stderr, "load: too few clients or messages\n");
        return ERR_INVALID;
    }
    *timing = (struct timing){.delays = xcalloc(messages, sizeof(*timing->delays)),
                              .wanted = messages,
                              .pause_ms = pause_ms,
                              .pause = timer_new(crowd->setup.loop, send_timed, crowd)};
    send_timed(crowd);
    int error = crowd_run(crowd);
    if (!error)
        crowd_judge(timing->delays, messages, delays);
    timer_close(timing->pause);
    free(timing->delays);
    *timing = (struct timing){0};
    return error;
}

/* --- leaving --- */

static void on_ended(void *user, const char *reason)
{
    struct member *member = user;
    struct crowd *crowd = member->crowd;

    member->session = NULL;
    crowd->open--;
    if (!crowd->leaving)
        crowd_fail(crowd, member->jid, reason);
    else if (crowd->open == 0)
        loop_stop(crowd->setup.loop);
}

static const struct session_ops session_ops = {
    .ready = on_ready,
    .message = on_message,
    .entered = crowd_entered,
    .acknowledged = crowd_acknowledged,
    .ended = on_ended,
};

int crowd_logout(struct crowd *crowd)
{
    crowd->leaving = true;
    if (crowd->open == 0)
        return 0;
    for (size_t i = 0; i < crowd->begun; i++)
        if (crowd->members[i].session)
            session_close(crowd->members[i].session);
    return crowd_run(crowd);
}

/* --- beginning and end --- */

static void add_account(struct crowd *crowd, char *line)
{
    char *tab = strchr(line, '\t');

    line[strcspn(line, "\n")] = '\0';
    if (tab == NULL)
        return;
    char *server = strchr(tab + 1, '\t');
    if (server)
        *server++ = '\0';
    crowd->members = xrealloc(crowd->members, (crowd->count + 1) * sizeof(*crowd->members));
    crowd->members[crowd->count++] = (struct member){
        .crowd = crowd,
        .jid = xstrndup(line, (size_t)(tab - line)),
        .password = xstrdup(tab + 1),
        .server = xstrdup_or_null(server),
    };
}

static int read_accounts(struct crowd *crowd, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;

    if (file == NULL) {
        fprintf(stderr, "load: %s: %s\n", path, strerror(errno));
        return ERR_INVALID;
    }
    while (getline(&line, &size, file) > 0)
        add_account(crowd, line);
    free(line);
    fclose(file);
    return 0;
}

static int make_tls(struct crowd *crowd, const char *ca_file)
{
    static const char *const alpn[] = {"xmpp-client", NULL};
    const struct tls_settings settings = {.role = TLS_CLIENT, .alpn = alpn, .ca_file = ca_file};
    const char *problem;
    int error = tls_context_new(&settings, &crowd->setup.tls, &problem);

    if (error)
        fprintf(stderr, "load: %s: %s\n", ca_file, problem);
    return error;
}

int crowd_new(const struct crowd_settings *settings, struct crowd **result)
{
    struct crowd *crowd = xcalloc(1, sizeof(*crowd));

    crowd->server = settings->server;
    crowd->setup.loop = loop_new();
    crowd->setup.parsers = parser_pool_new();
    crowd->deadline = timer_new(crowd->setup.loop, on_deadline, crowd);
    *result = crowd;
    if (make_tls(crowd, settings->ca_file) != 0)
        return ERR_INVALID;
    return read_accounts(crowd, settings->accounts_file);
}

void crowd_free(struct crowd *crowd)
{
    timer_close(crowd->deadline);
    loop_free(crowd->setup.loop);
    parser_pool_free(crowd->setup.parsers);
    tls_context_unref(crowd->setup.tls);
    for (size_t i = 0; i < crowd->count; i++) {
        free(crowd->members[i].jid);
        free(crowd->members[i].password);
        free(crowd->members[i].server);
        free(crowd->members[i].asked_us);
    }
    free(crowd->members);
    free(crowd->rooms.service);
    free(crowd);
}
