/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The pool: which connection a unit runs on, and units that never get that far.
 */
#include "common/db/pool.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/db/connection.h"

#define CONNECTIONS 4
#define QUEUE       4096
#define DEADLINE_MS 5000
/* Of the queue: where congestion begins, and where it ends. */
#define HIGH_WATER(queue) ((queue) / 4)
#define LOW_WATER(queue)  ((queue) / 8)

static void check(struct db *db)
{
    char *problem;

    if (db_check_conninfo(db->conninfo, &problem) < 0) {
        db->unusable = true;
        buffer_append_text(&db->problem, problem);
        free(problem);
    }
}

uint64_t pool_now(const struct db *db)
{
    return clock_awake_ms(db->clock);
}

static void on_tick(void *user)
{
    pool_now(user);
}

struct db *db_open(struct loop *loop, const struct db_settings *settings)
{
    struct db *db = xcalloc(1, sizeof(*db));

    db->loop = loop;
    db->clock = xcalloc(1, sizeof(*db->clock));
    db->tick = timer_new(loop, on_tick, db);
    timer_start(db->tick, CLOCK_AWAKE_TICK_MS, CLOCK_AWAKE_TICK_MS);
    db->conninfo = xstrdup(settings->conninfo);
    db->application_name = xstrdup_or_null(settings->application_name);
    db->queue = settings->queue != 0 ? settings->queue : QUEUE;
    db->deadline_ms = settings->deadline_ms != 0 ? settings->deadline_ms : DEADLINE_MS;
    db->changed = settings->changed;
    db->drained = settings->drained;
    db->user = settings->user;
    buffer_append_text(&db->problem, "");
    check(db);
    db->count = settings->connections != 0 ? settings->connections : CONNECTIONS;
    db->writers = settings->writers != 0 ? MIN(settings->writers, db->count) : db->count;
    db->connections = xcalloc(db->count, sizeof(*db->connections));
    for (size_t i = 0; i < db->count; i++) {
        db->connections[i] = connection_open(db, i < db->writers);
    }
    return db;
}

bool db_available(const struct db *db)
{
    return db->ready > 0;
}

/* After an outage the first connection shows that the others need not wait any longer. */
static void hurry_all(struct db *db)
{
    for (size_t i = 0; i < db->count; i++) {
        connection_hurry(db->connections[i]);
    }
}

void pool_ready_changed(struct db *db, int change)
{
    bool was = db_available(db);

    db->ready += (size_t)change;
    if (!was && !db->closing && db_available(db)) {
        hurry_all(db);
    }
    if (db->changed != NULL && !db->closing && db_available(db) != was) {
        db->changed(db->user, !was);
    }
}

const char *db_problem(const struct db *db)
{
    return db->problem.data;
}

/* Only those that are there now: a callback may well submit, and be refused, again. */
static void end_refused(struct db *db)
{
    for (size_t n = db->refusals; n > 0 && db->refused != NULL; n--) {
        struct db_unit *unit = db->refused;

        DL_DELETE(db->refused, unit);
        db->refusals--;
        unit_finish_take(unit, unit->status);
    }
}

static void schedule(struct db *db);

static void release(struct db *db)
{
    void (*closed)(void *user) = db->closed;
    void *user = db->closed_user;

    if (db->task != NULL) {
        loop_defer_cancel(db->task);
    }
    timer_close(db->tick);
    free(db->clock);
    free(db->connections);
    free(db->conninfo);
    free(db->application_name);
    buffer_fini(&db->problem);
    free(db);
    if (closed != NULL) {
        closed(user);
    }
}

static void close_connections(struct db *db)
{
    for (size_t i = 0; i < db->count; i++) {
        connection_close(db->connections[i]);
    }
    db->count = 0;
}

static void tell_drained(struct db *db)
{
    bool told = db->tell_drained;

    db->tell_drained = false;
    if (told && !db->congested && !db->closing && db->drained != NULL) {
        db->drained(db->user);
    }
}

static void deferred(void *user)
{
    struct db *db = user;

    db->task = NULL;
    tell_drained(db);
    if (db->closing) {
        close_connections(db);
    }
    end_refused(db);
    if (db->refused != NULL) {
        schedule(db);
    } else if (db->closing) {
        release(db);
    }
}

static void schedule(struct db *db)
{
    if (db->task == NULL) {
        db->task = loop_defer(db->loop, deferred, db);
    }
}

static size_t load(const struct db *db)
{
    size_t most = 0;

    for (size_t i = 0; i < db->writers; i++) {
        most = MAX(most, db->connections[i]->open);
    }
    return most;
}

void pool_watch_load(struct db *db)
{
    if (db->closing) {
        return;
    }
    if (!db->congested) {
        db->congested = load(db) > HIGH_WATER(db->queue);
    } else if (load(db) <= LOW_WATER(db->queue)) {
        db->congested = false;
        db->tell_drained = true;
        schedule(db);
    }
}

bool db_is_congested(const struct db *db)
{
    return db->congested;
}

void db_stop_repeating(struct db *db)
{
    for (size_t i = 0; i < db->count; i++) {
        pipeline_stop_repeating(db->connections[i]);
    }
    db->repeats_no_more = true;
}

void db_close(struct db *db, void (*closed)(void *user), void *user)
{
    db->closing = true;
    db->closed = closed;
    db->closed_user = user;
    schedule(db);
}

struct db_unit *db_unit_new(struct db *db, unsigned affinity)
{
    return unit_new(db, db->count > 0 ? db->connections[affinity % db->writers] : NULL);
}

bool db_shares_connection(const struct db *db, unsigned a, unsigned b)
{
    return a % db->writers == b % db->writers;
}

/* The reader that has the least to do; a writer, if there is none. */
static struct connection *choose_reader(const struct db *db)
{
    struct connection *chosen = db->connections[db->count - 1];

    for (size_t i = db->writers; i < db->count; i++) {
        if (db->connections[i]->open < chosen->open) {
            chosen = db->connections[i];
        }
    }
    return chosen;
}

struct db_unit *db_unit_new_reading(struct db *db)
{
    return unit_new(db, db->count > 0 ? choose_reader(db) : NULL);
}

uint64_t db_waiting_ms(const struct db *db, unsigned affinity)
{
    uint64_t since =
        db->count > 0 ? connection_waiting_since(db->connections[affinity % db->writers]) : 0;

    return since > 0 ? pool_now(db) - since : 0;
}

const struct db_counters *db_counters(const struct db *db)
{
    return &db->counters;
}

static void refuse(struct db_unit *unit, int status)
{
    unit->status = status;
    unit->place = UNIT_REFUSED;
    DL_APPEND(unit->db->refused, unit);
    unit->db->refusals++;
    schedule(unit->db);
}

struct db_unit *db_submit(struct db_unit *unit, db_callback *done, void *user)
{
    unit->done = done;
    unit->user = user;
    if (unit->db->closing) {
        refuse(unit, ERR_CANCELLED);
    } else if (unit->status < 0) {
        refuse(unit, unit->status);
    } else if (!group_queue(unit->connection, unit)) {
        refuse(unit, ERR_LIMIT);
    }
    return unit;
}

struct db_unit *db_query(struct db *db, unsigned affinity, const struct db_statement *statement,
                         const struct db_value *values, db_callback *done, void *user)
{
    struct db_unit *unit = db_unit_new(db, affinity);

    db_unit_add(unit, statement, values);
    return db_submit(unit, done, user);
}

struct db_unit *db_read(struct db *db, const struct db_statement *statement,
                        const struct db_value *values, db_callback *done, void *user)
{
    struct db_unit *unit = db_unit_new_reading(db);

    db_unit_add(unit, statement, values);
    return db_submit(unit, done, user);
}

void db_cancel(struct db_unit *unit)
{
    if (unit == NULL) {
        return;
    }
    unit->done = NULL;
    if (unit->place == UNIT_SENT) {
        return;
    }
    if (unit->place == UNIT_WAITING) {
        group_forget_waiting(unit);
    } else if (unit->place == UNIT_REFUSED) {
        DL_DELETE(unit->db->refused, unit);
        unit->db->refusals--;
    }
    unit_free(unit);
}
