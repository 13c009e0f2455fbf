/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the server says about the groups that were sent, in order. After an error it skips
 * everything up to the group's Sync and undoes the group: then the unit that was to blame keeps the
 * error, and the others are sent again, the second time each by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/fault_point.h"
#include "common/db/connection.h"
#include "common/db/sqlstate.h"

static void finish_take(struct connection *connection, struct db_unit *unit, int status)
{
    connection_count(connection, -1);
    unit_finish_take(unit, unit->status < 0 ? unit->status : status);
}

/* A Prepare that failed is tried again for the next unit; what was sent behind it fails with 26000
 * and reports what the Prepare said. */
static void prepare_failed(struct connection *connection, const struct db_statement *statement,
                           const char *sqlstate, int error)
{
    struct prepared *prepared = group_find_prepared(connection, statement);

    /* 42P05: it is there already. */
    if (prepared != NULL && (sqlstate == NULL || strcmp(sqlstate, "42P05") != 0)) {
        prepared->usable = false;
        prepared->status = error;
    }
}

/* 26000: there is no such prepared statement. */
static int not_prepared(struct connection *connection, const struct db_statement *statement)
{
    struct prepared *prepared = group_find_prepared(connection, statement);

    if (prepared == NULL || prepared->status == 0) {
        return ERR_SYSTEM;
    }
    return prepared->status;
}

static const struct db_statement *current_statement(const struct db_group *group)
{
    if (group->current != NULL) {
        return group->current->next_call->statement;
    }
    return group->prepares;
}

static void note_error(struct connection *connection, struct db_group *group,
                       const PGresult *result)
{
    const struct db_statement *statement = current_statement(group);
    const char *sqlstate;
    int error = sqlstate_of(result, &sqlstate);

    group->culprit = group->current;
    if (group->prepares != NULL) {
        prepare_failed(connection, statement, sqlstate, error);
    } else if (sqlstate != NULL && statement != NULL && strcmp(sqlstate, "26000") == 0) {
        group->status = not_prepared(connection, statement);
        return;
    }
    group->status = error;
    sqlstate_describe(result, statement != NULL ? statement->name : NULL, &connection->db->problem);
}

static bool is_error(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY;
}

/* Everything sent before the others that wait; the order stays. */
static void wait_again(struct connection *connection, struct db_unit *units, bool alone)
{
    while (units != NULL) {
        struct db_unit *unit = units->prev; /* the last one */

        DL_DELETE(units, unit);
        unit->place = UNIT_WAITING;
        unit->alone = unit->alone || alone;
        unit->tries++;
        DL_PREPEND(connection->waiting, unit);
    }
}

/* Those that may not be repeated, and those that have failed already. */
static struct db_unit *take_ended(struct db_group *group)
{
    struct db_unit *ended = NULL, *unit, *next;

    DL_FOREACH_SAFE (group->units, unit, next) {
        if (!unit->repeat || unit->status < 0) {
            DL_DELETE(group->units, unit);
            DL_APPEND(ended, unit);
        }
    }
    return ended;
}

static void finish_all(struct connection *connection, struct db_unit *units, int status)
{
    while (units != NULL) {
        struct db_unit *unit = units;

        DL_DELETE(units, unit);
        finish_take(connection, unit, status);
    }
}

static bool tried_before(const struct db_group *group)
{
    return group->units->tries > 0 || (group->units->prev && group->units->prev->tries > 0);
}

/* The error is one unit's own. */
static void blame(struct connection *connection, struct db_group *group)
{
    bool again = tried_before(group);

    if (group->count == 1) {
        finish_all(connection, group->units, group->status);
        return;
    }
    if (group->culprit != NULL) {
        group->culprit->status = group->status;
    }
    wait_again(connection, group->units, again || group->culprit == NULL);
}

static void doubt(struct db_group *group)
{
    struct db_unit *unit;

    DL_FOREACH (group->units, unit)
        unit->doubtful = true;
}

/* Nobody's fault: a deadlock, a full disk, a server that stops, a standby that does not answer.
 * What may be repeated is; not in a hurry, if it was alone already. */
static bool repeat(struct connection *connection, struct db_group *group)
{
    bool patient = !group->unconfirmed && group->count == 1 && group->units->repeat;
    struct db_unit *culprit = group->culprit, *ended = NULL;

    if (group->unconfirmed) {
        doubt(group);
        ended = take_ended(group);
    } else if (culprit != NULL && !culprit->repeat) {
        culprit->status = ERR_UNAVAILABLE;
    } else if (group->count == 1 && !group->units->repeat) {
        ended = take_ended(group);
    }
    wait_again(connection, group->units, true);
    finish_all(connection, ended, ERR_UNAVAILABLE);
    return !patient;
}

static void count_commit(struct connection *connection, const struct db_group *group)
{
    if (connection->writer) {
        connection->db->counters.groups++;
        connection->db->counters.units += group->count;
    }
}

/* False: the connection is of no use now. */
static bool end_group_take(struct connection *connection, struct db_group *group)
{
    bool usable = true;

    connection->window -= group->count;
    if (group->prepares != NULL) {
        free(group);
        return true;
    }
    if (group->unconfirmed || group->status == ERR_UNAVAILABLE) {
        usable = repeat(connection, group);
    } else if (group->status < 0) {
        blame(connection, group);
    } else {
        if (group->units->repeat) {
            FAULT_POINT(commit_returned_before_ack);
        }
        count_commit(connection, group);
        finish_all(connection, group->units, 0);
    }
    free(group);
    return usable;
}

static void receive_take(struct connection *connection, struct db_group *group, PGresult *result)
{
    while (group->current != NULL && group->current->next_call == NULL) {
        group->current = group->current->next;
    }
    if (is_error(result) && group->status == 0) {
        note_error(connection, group, result);
    }
    group->received++;
    if (group->current == NULL) {
        PQclear(result); /* of a Prepare, or an error of the commit itself */
    } else {
        unit_receive_take(group->current, result);
    }
}

/* False: the connection is of no use now. */
static bool take_result(struct connection *connection, PGresult *result)
{
    struct db_group *group = connection->groups;

    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
        receive_take(connection, group, result);
        return true;
    }
    PQclear(result);
    DL_DELETE(connection->groups, group);
    return end_group_take(connection, group);
}

/* False: the connection is out of step, or of no use now. */
static bool take_results(struct connection *connection)
{
    bool idle = false;

    while (connection->groups != NULL && !PQisBusy(connection->pg)) {
        PGresult *result = PQgetResult(connection->pg);

        if (result != NULL) {
            if (!take_result(connection, result)) {
                return false;
            }
        } else if (idle) {
            return false; /* one NULL ends a statement, two mean that nothing is expected */
        }
        idle = result == NULL;
    }
    return PQstatus(connection->pg) == CONNECTION_OK;
}

static void broken(struct connection *connection)
{
    sqlstate_describe_connection(connection->pg, &connection->db->problem);
    connection_lose(connection);
}

void pipeline_event(struct connection *connection, int events)
{
    if ((events & UV_READABLE) && PQconsumeInput(connection->pg) != 1) {
        broken(connection);
        return;
    }
    if (!take_results(connection) || !group_send(connection)) {
        broken(connection);
    }
}

/* A warning at the end of a group is the server saying that it gave up waiting for the synchronous
 * standby: committed here, but not where the promise needs it. */
void pipeline_notice(void *user, const PGresult *notice)
{
    struct connection *connection = user;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    struct db_group *group = connection->groups;

    if (severity == NULL || group == NULL || strcmp(severity, "WARNING") != 0) {
        return;
    }
    if (group->received + 1 >= group->expected) {
        group->unconfirmed = true;
        sqlstate_describe(notice, NULL, &connection->db->problem);
    }
}

/* First all lists are in order, then callbacks run. */
void pipeline_lost(struct connection *connection)
{
    struct db_unit *ended = NULL;

    while (connection->groups != NULL) {
        struct db_group *group = connection->groups->prev;
        struct db_unit *of_group = take_ended(group);

        doubt(group);
        DL_DELETE(connection->groups, group);
        wait_again(connection, group->units, false);
        DL_CONCAT(of_group, ended);
        ended = of_group;
        free(group);
    }
    connection->window = 0;
    finish_all(connection, ended, ERR_UNAVAILABLE);
}

void pipeline_stop_repeating(struct connection *connection)
{
    uint64_t deadline = pool_now(connection->db) + connection->db->deadline_ms;
    struct db_group *group;
    struct db_unit *unit;

    DL_FOREACH (connection->groups, group) {
        DL_FOREACH (group->units, unit) {
            unit->deadline = unit->repeat ? deadline : unit->deadline;
            unit->repeat = false;
        }
    }
    DL_FOREACH (connection->waiting, unit) {
        unit->deadline = unit->repeat ? deadline : unit->deadline;
        unit->repeat = false;
    }
    deadline_add(connection, deadline);
}

void pipeline_end(struct connection *connection)
{
    struct db_group *group, *next;

    DL_FOREACH_SAFE (connection->groups, group, next) {
        DL_DELETE(connection->groups, group);
        finish_all(connection, group->units, ERR_CANCELLED);
        free(group);
    }
    while (connection->waiting != NULL) {
        struct db_unit *unit = connection->waiting;

        DL_DELETE(connection->waiting, unit);
        finish_take(connection, unit, ERR_CANCELLED);
    }
}
