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

/* What goes to the server up to one Sync: one transaction. Either units or, as a transaction of its
 * own, the preparation of a statement: an error elsewhere then never takes a Prepare with it. */
struct db_group {
    struct db_unit *units;
    struct db_unit *current; /* whose results come in */
    size_t count;            /* of its units */
    const struct db_statement *prepares;
    struct call *once;
    size_t expected, received; /* results, one for each message to the server but Sync */
    int status;                /* the first error */
    struct db_unit *culprit;   /* of it; NULL: the commit itself */
    bool unconfirmed;          /* committed here, but perhaps not on the standby */
    uint64_t given_up_at;      /* without an answer */
    struct db_group *prev, *next;
};

/* A statement on this connection. A Prepare travels in a group of its own ahead of the first unit
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
    uint64_t ready_since, down_since;

    bool writer;             /* groups its units */
    struct db_unit *waiting; /* in the order of submission */
    struct db_group *groups; /* sent, in order */
    size_t open;             /* units in both */
    size_t window;           /* units in groups */
    struct prepared *prepared;
};

/* conninfo.c: the `options` of a connection for reading: whatever somebody asked for, the server
 * gives up when he has been told that it takes too long, and the connection is free for others. To
 * be freed. (What is written is committed or not, however long it takes.) */
char *db_reader_options(const char *conninfo, unsigned deadline_ms);

struct connection *connection_open(struct db *db, bool writer);
/* The server is there again: no more waiting for the back-off. */
void connection_hurry(struct connection *connection);
/* All its units end with ERR_CANCELLED. */
void connection_close(struct connection *connection);
/* The connection is of no use any more (db->problem says why): units that were sent end with
 * ERR_UNAVAILABLE, the others wait for the next connection. Only from callbacks of the loop. */
void connection_lose(struct connection *connection);
/* Which events pipeline_event() waits for. */
void connection_watch(struct connection *connection, int events);

/* Since when something is wrong with it, in monotonic ms: it is down, or its oldest unit waits. 0:
 * nothing is. */
uint64_t connection_waiting_since(const struct connection *connection);

/* pipeline.c: results */
void pipeline_event(struct connection *connection, int events);
void pipeline_notice(void *connection, const PGresult *notice);
/* After the loss of a connection: what is sent ends, or waits again if it may be repeated. */
void pipeline_lost(struct connection *connection);
/* Its units get deadlines, as others have. */
void pipeline_stop_repeating(struct connection *connection);
/* All units end with ERR_CANCELLED. */
void pipeline_end(struct connection *connection);

/* group.c: the queue, and sending */
/* One unit more, or one less. */
void connection_count(struct connection *connection, int change);
/* False: the queue is full. */
bool group_queue(struct connection *connection, struct db_unit *unit);
void group_forget_waiting(struct db_unit *unit);
/* Sends what waits, in the next turn of the loop. */
void group_kick(struct connection *connection);
/* Sends what may be sent now. False: the connection is broken. */
bool group_send(struct connection *connection);
struct prepared *group_find_prepared(struct connection *connection,
                                     const struct db_statement *statement);

/* deadline.c */
/* A unit with this deadline was added. */
void deadline_add(struct connection *connection, uint64_t deadline);
void deadline_passed(void *connection);
/* For how long the server may be silent about what is sent now. */
uint64_t deadline_of_group(const struct connection *connection);
