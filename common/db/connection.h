/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One connection to the server, made again after every loss, and the units it works off.
 */
#pragma once

#include <libpq-fe.h>
#include <uv.h>

#include "common/db/pool.h"
#include "common/db/unit.h"
#include "common/io/timer.h"

/* down → connecting → ready → down …; any → closed */
enum connection_state {
    CONNECTION_DOWN,       /* until the back-off timer */
    CONNECTION_CONNECTING, /* under the connect timer */
    CONNECTION_READY,
    CONNECTION_CLOSED
};

/* A statement on this connection. A Prepare travels in a unit of its own ahead of the first unit
 * that needs it, so it counts as done as soon as it is sent; failed, it is forgotten. */
struct prepared {
    const struct db_statement *statement;
    bool usable;
    int status; /* why it was not usable the last time */
    UT_hash_handle hh;
};

struct connection {
    struct db *db;
    enum connection_state state;
    PGconn *pg;
    uv_poll_t *poll;
    int events;
    struct timer *timer;     /* back-off, connecting */
    struct timer *deadlines; /* of units */
    uint64_t wake;           /* when `deadlines` fires; UINT64_MAX: not at all */
    struct loop_task *task;  /* to send what waits */
    unsigned attempt;
    uint64_t ready_since;

    struct db_unit *waiting; /* both in the order of submission, */
    struct db_unit *sent;    /* so in that of their deadlines */
    size_t open;             /* in both, without Prepares */
    size_t window;           /* in sent, without Prepares */
    struct prepared *prepared;
};

struct connection *connection_open(struct db *db);
/* The server is there again: no more waiting for the back-off. */
void connection_hurry(struct connection *connection);
/* All its units end with ERR_CANCELLED. */
void connection_close(struct connection *connection);
/* The connection is of no use any more (db->problem says why): units that were sent end with
 * ERR_UNAVAILABLE, the others wait for the next connection. Only from callbacks of the loop. */
void connection_lose(struct connection *connection);
/* Which events pipeline_event() waits for. */
void connection_watch(struct connection *connection, int events);

/* pipeline.c */
/* False: the queue is full. */
bool pipeline_queue(struct connection *connection, struct db_unit *unit);
void pipeline_forget_waiting(struct db_unit *unit);
/* Sends what waits, in the next turn of the loop. */
void pipeline_kick(struct connection *connection);
void pipeline_event(struct connection *connection, int events);
void pipeline_notice(void *connection, const PGresult *notice);
/* Ends all units of a list of this connection. */
void pipeline_end_units(struct connection *connection, struct db_unit **units, int status);
/* deadline.c */
/* A unit with this deadline was added. */
void deadline_add(struct connection *connection, uint64_t deadline);
void deadline_passed(void *connection);
