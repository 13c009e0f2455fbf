/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A unit: statements with their parameters before it is sent, their results afterwards.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/table.h"
#include "common/db/db.h"
#include "common/db/value.h"

struct connection;

/* building → waiting → sent, or building → refused (ended by the pool, never sent); sent → waiting,
 * when its transaction failed through no fault of its own. Only units that are sent cannot be taken
 * back: their results have to be read. */
enum unit_place { UNIT_BUILDING, UNIT_WAITING, UNIT_SENT, UNIT_REFUSED };

struct call {
    const struct db_statement *statement;
    struct parameters parameters;
    bool once;    /* db_unit_add_once() */
    bool skipped; /* an equal one stands before it in the transaction */
    struct call *next;
    struct call *next_once; /* of the group */
};

struct db_unit {
    struct db *db;
    struct connection *connection;
    struct arena *arena;
    enum unit_place place;
    uint64_t submitted;
    uint64_t deadline;
    bool repeat; /* sent again until its outcome is known */
    bool alone;  /* in no group with others: one of them had failed twice */
    unsigned tries;
    bool doubtful; /* it has been sent, and nobody knows what became of that */

    struct call *calls, *last;
    size_t count;
    size_t bytes; /* of all parameters */

    int status;             /* that it will end with; 0 until it has failed */
    struct call *next_call; /* whose result comes next */
    size_t at;              /* its number */
    struct db_result *results;

    db_callback *done; /* NULL: nobody listens (any more) */
    void *user;
    struct db_unit *prev, *next;
};

struct db_unit *unit_new(struct db *db, struct connection *connection);
/* Before the results come: from the first call again, without results. Nothing is added any more;
 * which calls are skipped is settled. */
void unit_begin(struct db_unit *unit);
/* Takes one result of the server, that of next_call. */
void unit_receive_take(struct db_unit *unit, struct pg_result *result);
/* The callback, if there is (still) one. */
void unit_answer(struct db_unit *unit, int status);
/* unit_answer(), and the end of the unit. */
void unit_finish_take(struct db_unit *unit, int status);
void unit_free(struct db_unit *unit);
