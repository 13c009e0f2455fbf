/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * `kontalkctl check`: looks at what keeps a server from serving. Each area is a file here and a row
 * in areas.c; it runs in a process of its own, so that none waits for another, nor ends with it,
 * and it is ended when its time is over. What it finds is a row of severity, subject, cause and
 * what to do.
 *
 * check.c      the verb: begins the areas, collects what they find, and prints it
 * areas.c      which areas there are
 * names.c      questions to the DNS that wait for the answer
 * wire.c       a connection that waits, in clear or under TLS, with a time limit
 * greeting.c   what a stream or HTTP answers there
 * the others   one area each
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "kontalkctl/ctl.h"

enum severity { CHECK_OK, CHECK_NOTE, CHECK_WARNING, CHECK_ERROR };
#define SEVERITIES (CHECK_ERROR + 1)

/* How long one attempt to reach something may take, and a whole area. */
#define CHECK_PROBE_MS 10000
#define CHECK_AREA_MS  120000

struct check {
    const struct ctl *ctl;
    const struct config *config;
    struct arena *arena;  /* for texts */
    const char *argument; /* what follows the name of the area ("s2s example.net"), or NULL */
    const char *area;
    int out; /* where findings go */
};

/* A finding. remedy: the command to run or the record to add; NULL if there is nothing to do. */
void check_add(struct check *check, enum severity severity, const char *subject, const char *remedy,
               const char *format, ...) PRINTF_LIKE(5, 6);

struct check_area {
    const char *name;
    void (*run)(struct check *check);
    bool takes_argument; /* it has to be named to run, with its argument */
};

extern const struct check_area check_areas[]; /* ends with name NULL */

void check_config(struct check *check);
void check_dns(struct check *check);
void check_tls(struct check *check);
void check_ports(struct check *check);
void check_database(struct check *check);
void check_clock(struct check *check);
void check_limits(struct check *check);
void check_services(struct check *check);
void check_web(struct check *check);
void check_upload(struct check *check);
void check_turn(struct check *check);
void check_network(struct check *check);
void check_push(struct check *check);
void check_features(struct check *check);
void check_s2s(struct check *check);

/* Whether a domain is reached from ours, by the running kontalk-s2s; each step is a finding if
 * `narrated`. */
void check_reach(struct check *check, const char *domain, bool narrated);

/* Asks a daemon; ERR_* as ctl_follow(). What it says goes into the arena, each line ended by \n;
 * with ERR_INVALID why it refused. */
MUST_CHECK int check_ask(struct check *check, const char *daemon, size_t argc,
                         const char *const *argv, const char **answer);
/* Whether the node has kontalk-files, kontalk-muc: they have a secret. */
bool check_has(const struct check *check, const char *daemon);
