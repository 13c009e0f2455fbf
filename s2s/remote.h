/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A domain of others: reaching its servers, one attempt at a time, with back-off; what waits for
 * that; and the keys of dialback that are in question there.
 */
#pragma once

#include "common/base/table.h"
#include "s2s/race.h"
#include "s2s/server.h"
#include "s2s/turns.h"

struct pair;
struct verify;

struct remote {
    UT_hash_handle hh;
    struct server *server;
    char *domain;
    struct pair *pairs;
    struct out *outs; /* its streams */
    struct verify *verifies;
    struct trace *trace;   /* follows it; then it is in no table. NULL: an ordinary one */
    size_t stanzas, bytes; /* that wait, for all pairs */

    /* The attempt that is under way. */
    struct pair *attempt; /* whose; NULL: none */
    struct resolve *resolve;
    struct resolution *resolution;
    struct race *race;
    struct timer *deadline;

    struct timer *retry; /* runs: back-off */
    uint64_t retry_at_ms;
    uint64_t begun_ms;   /* the latest attempt */
    unsigned failures;   /* since something went well */
    char *problem;       /* of the attempt that is under way, else of the latest one */
    char *failure;       /* why the latest attempt failed, until something goes well */
    unsigned unanswered; /* streams on which no ping was answered */
    /* Stanzas for several (several.h). */
    unsigned addresses;          /* at most; 0: it does not take them, or that is not known */
    uint64_t addresses_until_ms; /* then it is asked again */
    char *question;              /* the id of the latest; NULL: it was not asked */
    struct turn turn;
    struct remote *prev, *next; /* a queue of turns */
};

struct remote *remote_get(struct server *server, const char *domain);
/* One that nobody finds, for one attempt: it waits for no turn, counts for no limit and backs off
 * for nobody. Its owner frees it, when it has no stream. */
struct remote *remote_new_apart(struct server *server, const char *domain, struct trace *trace);
/* NULL: not known. */
struct remote *remote_find(struct server *server, const char *domain);
/* There is something to do: uses a stream that is there or begins an attempt, as far as may be. */
void remote_wake(struct remote *remote);
/* Policy does not allow it (any more): what waits is told so. Frees nothing. */
void remote_deny(struct remote *remote);
/* The daemon stops: nothing waits, nothing is tried. Frees nothing. */
void remote_stop(struct remote *remote);
/* It has shown to be alive: back-off ends. */
void remote_heard(struct remote *remote);
/* Something was acknowledged. */
void remote_succeeded(struct remote *remote);
/* Why it is not reached, for people, as far as is known; NULL: nothing is known. */
const char *remote_problem(const struct remote *remote);
/* Frees it if nothing is left to know. */
void remote_release(struct remote *remote);
void remote_free(struct remote *remote);

/* From the stream of the attempt: it is open, or it was no good and another address may be. */
void remote_attempt_open(struct remote *remote);
void remote_attempt_spoilt(struct remote *remote, const char *problem);
/* The domain was not reached: `final` means that it makes no sense to wait. */
void remote_failed(struct remote *remote, bool final, const char *problem);
