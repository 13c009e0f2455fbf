/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The pool: what its connections have in common.
 */
#pragma once

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/db/db.h"

struct connection;

struct db {
    struct loop *loop;
    /* Waiting is counted by a clock that stands while we do: what the server had answered before
     * we were stopped is not late (docs/DURABILITY.md, P6). */
    struct clock_awake *clock;
    struct timer *tick;
    char *conninfo;
    char *application_name;
    size_t queue; /* open units per connection */
    uint64_t deadline_ms;
    void (*changed)(void *user, bool available);
    void (*drained)(void *user);
    void *user;

    struct connection **connections;
    size_t count;
    size_t writers; /* the first ones; the others only read */
    struct db_counters counters;
    size_t ready;            /* connections that can be used */
    struct db_unit *refused; /* to be ended in the next turn of the loop */
    size_t refusals;
    struct loop_task *task;
    struct buffer problem;

    bool congested;
    bool tell_drained; /* in the next turn of the loop */
    bool unusable;     /* conninfo: nobody ever connects */
    bool repeats_no_more;
    bool closing;
    void (*closed)(void *user);
    void *closed_user;
};

/* Milliseconds on db->clock: all times of units. */
uint64_t pool_now(const struct db *db);
/* A connection that writes has one unit more, or one less. */
void pool_watch_load(struct db *db);
/* A connection came (+1) or went (-1). */
void pool_ready_changed(struct db *db, int change);
