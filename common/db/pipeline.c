/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Units over one connection in libpq's pipeline mode. Each unit ends with its own Sync: the server
 * commits there, or, after an error, skips everything up to there and goes on with the next unit.
 * Nothing is sent inside db_submit(), but in the next turn of the loop, and callbacks never send:
 * so no callback ever finds the connection gone under its feet.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/db/connection.h"
#include "common/db/sqlstate.h"

/* Units sent and not answered: what the loss of a connection makes uncertain. */
#define WINDOW 64

bool pipeline_queue(struct connection *connection, struct db_unit *unit)
{
    if (connection->open >= connection->db->queue) {
        return false;
    }
    connection->open++;
    unit->place = UNIT_WAITING;
    unit->deadline = clock_monotonic_ms() + connection->db->deadline_ms;
    DL_APPEND(connection->waiting, unit);
    deadline_add(connection, unit->deadline);
    pipeline_kick(connection);
    return true;
}

static bool is_prepare(const struct db_unit *unit)
{
    return unit->prepares != NULL;
}

void pipeline_forget_waiting(struct db_unit *unit)
{
    DL_DELETE(unit->connection->waiting, unit);
    unit->connection->open--;
}

static void leave_sent(struct db_unit *unit)
{
    DL_DELETE(unit->connection->sent, unit);
    if (!is_prepare(unit)) {
        unit->connection->open--;
        unit->connection->window--;
    }
}

void pipeline_end_units(struct connection *connection, struct db_unit **units, int status)
{
    while (*units != NULL) {
        struct db_unit *unit = *units;

        if (units == &connection->sent) {
            leave_sent(unit);
        } else {
            pipeline_forget_waiting(unit);
        }
        unit_finish_take(unit, status);
    }
}

static struct prepared *find_prepared(struct connection *connection,
                                      const struct db_statement *statement)
{
    struct prepared *prepared;

    HASH_FIND_PTR(connection->prepared, &statement, prepared);
    return prepared;
}

static bool send_prepare(struct connection *connection, const struct db_statement *statement)
{
    struct prepared *prepared = find_prepared(connection, statement);
    struct db_unit *unit;

    if (prepared == NULL) {
        prepared = xcalloc(1, sizeof(*prepared));
        prepared->statement = statement;
        HASH_ADD_PTR(connection->prepared, statement, prepared);
    }
    if (prepared->usable) {
        return true;
    }
    prepared->usable = true;
    unit = unit_new(connection->db, connection);
    unit->prepares = statement;
    unit->place = UNIT_SENT;
    unit->deadline = clock_monotonic_ms() + connection->db->deadline_ms;
    unit_seal(unit);
    DL_APPEND(connection->sent, unit);
    return PQsendPrepare(connection->pg, statement->name, statement->sql, 0, NULL) == 1 &&
           PQpipelineSync(connection->pg) == 1;
}

static bool send_call(PGconn *pg, const struct call *call)
{
    const struct parameters *parameters = &call->parameters;

    return PQsendQueryPrepared(pg, call->statement->name, parameters->count, parameters->values,
                               parameters->lengths, parameters->formats, 0) == 1;
}

static void move_to_sent(struct connection *connection, struct db_unit *unit)
{
    DL_DELETE(connection->waiting, unit);
    unit->place = UNIT_SENT;
    unit_seal(unit);
    connection->window++;
    DL_APPEND(connection->sent, unit);
}

static bool send_unit(struct connection *connection, struct db_unit *unit)
{
    for (const struct call *call = unit->calls; call != NULL; call = call->next) {
        if (!send_prepare(connection, call->statement)) {
            return false;
        }
    }
    move_to_sent(connection, unit);
    for (const struct call *call = unit->calls; call != NULL; call = call->next) {
        if (!send_call(connection->pg, call)) {
            return false;
        }
    }
    return PQpipelineSync(connection->pg) == 1;
}

static bool flush(struct connection *connection)
{
    int left = PQflush(connection->pg);

    if (left < 0) {
        return false;
    }
    connection_watch(connection, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
    return true;
}

static void broken(struct connection *connection)
{
    sqlstate_describe_connection(connection->pg, &connection->db->problem);
    connection_lose(connection);
}

static bool send_waiting(struct connection *connection)
{
    while (connection->waiting != NULL && connection->window < WINDOW) {
        if (!send_unit(connection, connection->waiting)) {
            return false;
        }
    }
    return flush(connection);
}

static void send_later(void *user)
{
    struct connection *connection = user;

    connection->task = NULL;
    if (connection->state == CONNECTION_READY && !send_waiting(connection)) {
        broken(connection);
    }
}

void pipeline_kick(struct connection *connection)
{
    if (connection->task == NULL && connection->state == CONNECTION_READY &&
        connection->waiting != NULL) {
        connection->task = loop_defer(connection->db->loop, send_later, connection);
    }
}

/* A Prepare that failed is tried again for the next unit; what was sent behind it fails with 26000
 * and reports what the Prepare said. */
static void prepare_failed(struct db_unit *unit, const char *sqlstate, int error)
{
    struct prepared *prepared = find_prepared(unit->connection, unit->prepares);

    /* 42P05: it is there already. */
    if (prepared != NULL && (sqlstate == NULL || strcmp(sqlstate, "42P05") != 0)) {
        prepared->usable = false;
        prepared->status = error;
    }
}

/* 26000: there is no such prepared statement. */
static int not_prepared(struct db_unit *unit, const struct db_statement *statement)
{
    struct prepared *prepared = find_prepared(unit->connection, statement);

    if (prepared == NULL || prepared->status == 0) {
        return ERR_SYSTEM;
    }
    return prepared->status;
}

static const struct db_statement *current_statement(const struct db_unit *unit)
{
    const struct call *call = unit->calls;

    for (size_t i = 0; i < unit->received && call != NULL; i++) {
        call = call->next;
    }
    return call != NULL ? call->statement : unit->prepares;
}

static void note_error(struct db_unit *unit, const PGresult *result)
{
    const struct db_statement *statement = current_statement(unit);
    const char *sqlstate;
    int error = sqlstate_of(result, &sqlstate);

    if (is_prepare(unit)) {
        prepare_failed(unit, sqlstate, error);
    } else if (sqlstate != NULL && statement != NULL && strcmp(sqlstate, "26000") == 0) {
        unit->status = not_prepared(unit, statement);
        return;
    }
    unit->status = error;
    sqlstate_describe(result, statement != NULL ? statement->name : NULL, &unit->db->problem);
}

static bool is_error(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY;
}

static void finish_sent(struct db_unit *unit)
{
    int status = unit->status;

    if (status == 0 && unit->unconfirmed) {
        status = ERR_UNAVAILABLE;
    }
    leave_sent(unit);
    unit_finish_take(unit, status);
}

static void take_result(struct db_unit *unit, PGresult *result)
{
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        finish_sent(unit);
        return;
    }
    if (is_error(result) && unit->status == 0) {
        note_error(unit, result);
    }
    unit_receive_take(unit, result);
}

/* False: the connection is out of step. */
static bool take_results(struct connection *connection)
{
    bool idle = false;

    while (connection->sent != NULL && !PQisBusy(connection->pg)) {
        PGresult *result = PQgetResult(connection->pg);

        if (result != NULL) {
            take_result(connection->sent, result);
        } else if (idle) {
            return false; /* one NULL ends a statement, two mean that nothing is expected */
        }
        idle = result == NULL;
    }
    return PQstatus(connection->pg) == CONNECTION_OK;
}

void pipeline_event(struct connection *connection, int events)
{
    if ((events & UV_READABLE) && PQconsumeInput(connection->pg) != 1) {
        broken(connection);
        return;
    }
    if (!take_results(connection) || !send_waiting(connection)) {
        broken(connection);
    }
}

/* A warning at the end of a unit is the server saying that it gave up waiting for the synchronous
 * standby: committed here, but not where the promise needs it. */
void pipeline_notice(void *user, const PGresult *notice)
{
    struct connection *connection = user;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    struct db_unit *unit = connection->sent;

    if (severity == NULL || unit == NULL || strcmp(severity, "WARNING") != 0) {
        return;
    }
    if (unit->received + 1 >= unit->expected) {
        unit->unconfirmed = true;
        sqlstate_describe(notice, NULL, &connection->db->problem);
    }
}
