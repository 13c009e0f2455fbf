/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Building units and collecting their results.
 */
#include "common/db/unit.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "common/base/error.h"
#include "common/db/pool.h"

struct db_unit *unit_new(struct db *db, struct connection *connection)
{
    struct arena *arena = arena_new();
    struct db_unit *unit = arena_zalloc(arena, sizeof(*unit));

    unit->db = db;
    unit->connection = connection;
    unit->arena = arena;
    return unit;
}

void db_unit_add(struct db_unit *unit, const struct db_statement *statement,
                 const struct db_value *values)
{
    struct call *call = arena_zalloc(unit->arena, sizeof(*call));

    if (statement->parameters > DB_PARAMETERS_MAX) {
        abort();
    }
    call->statement = statement;
    if (parameters_make(unit->arena, values, statement->parameters, &call->parameters) < 0) {
        unit->status = ERR_INVALID;
    }
    if (unit->last != NULL) {
        unit->last->next = call;
    } else {
        unit->calls = call;
    }
    unit->last = call;
    unit->count++;
    unit->bytes += parameters_size(&call->parameters);
}

void db_unit_add_once(struct db_unit *unit, const struct db_statement *statement,
                      const struct db_value *values)
{
    db_unit_add(unit, statement, values);
    unit->last->once = true;
}

static void drop_results(struct db_unit *unit)
{
    for (size_t i = 0; unit->results != NULL && i < unit->count; i++) {
        PQclear(unit->results[i].rows);
        unit->results[i].rows = NULL;
    }
}

static void pass_skipped(struct db_unit *unit)
{
    while (unit->next_call != NULL && unit->next_call->skipped) {
        unit->next_call = unit->next_call->next;
        unit->at++;
    }
}

void unit_begin(struct db_unit *unit)
{
    if (unit->results == NULL) {
        unit->results = arena_zalloc(unit->arena, unit->count * sizeof(*unit->results));
    }
    drop_results(unit);
    unit->next_call = unit->calls;
    unit->at = 0;
    pass_skipped(unit);
}

void unit_receive_take(struct db_unit *unit, struct pg_result *result)
{
    unit->results[unit->at++].rows = result;
    unit->next_call = unit->next_call->next;
    pass_skipped(unit);
}

void unit_answer(struct db_unit *unit, int status)
{
    db_callback *done = unit->done;

    unit->done = NULL;
    if (done != NULL) {
        done(unit->user, status, status == 0 ? unit->results : NULL, status == 0 ? unit->count : 0);
    }
}

void unit_finish_take(struct db_unit *unit, int status)
{
    unit_answer(unit, status);
    unit_free(unit);
}

void db_unit_repeat(struct db_unit *unit)
{
    unit->repeat = !unit->db->repeats_no_more;
}

bool db_unit_doubtful(const struct db_unit *unit)
{
    return unit->doubtful;
}

void unit_free(struct db_unit *unit)
{
    drop_results(unit);
    arena_free(unit->arena);
}
