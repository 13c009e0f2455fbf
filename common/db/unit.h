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

/* building → waiting → sent, or building → refused (ended by the pool, never sent). Only units that
 * are sent cannot be taken back: their results have to be read. */
enum unit_place { UNIT_BUILDING, UNIT_WAITING, UNIT_SENT, UNIT_REFUSED };

struct call {
    const struct db_statement *statement;
    struct parameters parameters;
    struct call *next;
};

struct db_unit {
    struct db *db;
    struct connection *connection;
    struct arena *arena;
    enum unit_place place;
    uint64_t deadline;

    /* Either a caller's statements or, as a unit of its own, the preparation of one: an error
     * elsewhere then never takes a Prepare with it. */
    struct call *calls, *last;
    size_t count;
    const struct db_statement *prepares;

    int status;       /* the first error */
    bool unconfirmed; /* committed here, but perhaps not on the standby */
    size_t expected;  /* results, one for each message to the server but Sync */
    size_t received;
    struct db_result *results;

    db_callback *done; /* NULL: nobody listens (any more) */
    void *user;
    struct db_unit *prev, *next;
};

struct db_unit *unit_new(struct db *db, struct connection *connection);
/* Room for the results; nothing is added afterwards. */
void unit_seal(struct db_unit *unit);
/* Takes one result of the server. */
void unit_receive_take(struct db_unit *unit, struct pg_result *result);
/* The callback, if there is (still) one. */
void unit_answer(struct db_unit *unit, int status);
/* unit_answer(), and the end of the unit. */
void unit_finish_take(struct db_unit *unit, int status);
void unit_free(struct db_unit *unit);
