/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Units on their way to the server, in libpq's pipeline mode. What waits is gathered into groups,
 * each of which ends with one Sync: the server commits there. A writer has one group in flight; on
 * the other connections each unit is a group, and several are in flight.
 *
 * Nothing is sent inside db_submit(), but in the next turn of the loop, and callbacks never send:
 * so no callback ever finds the connection gone under its feet.
 */
#include "common/base/fault_point.h"
#include "common/db/connection.h"

/* Units sent and not answered. */
#define WINDOW 64
/* A group. One unit may be larger. */
#define GROUP_UNITS 64
#define GROUP_BYTES (1024 * 1024)

void connection_count(struct connection *connection, int change)
{
    connection->open += (size_t)change;
    if (connection->writer) {
        pool_watch_load(connection->db);
    }
}

bool group_queue(struct connection *connection, struct db_unit *unit)
{
    if (connection->open >= connection->db->queue) {
        return false;
    }
    connection_count(connection, 1);
    unit->place = UNIT_WAITING;
    unit->submitted = pool_now(connection->db);
    unit->deadline = unit->submitted + connection->db->deadline_ms;
    DL_APPEND(connection->waiting, unit);
    if (!unit->repeat) {
        deadline_add(connection, unit->deadline);
    }
    group_kick(connection);
    return true;
}

void group_forget_waiting(struct db_unit *unit)
{
    DL_DELETE(unit->connection->waiting, unit);
    connection_count(unit->connection, -1);
}

struct prepared *group_find_prepared(struct connection *connection,
                                     const struct db_statement *statement)
{
    struct prepared *prepared;

    HASH_FIND_PTR(connection->prepared, &statement, prepared);
    return prepared;
}

static struct db_group *group_new(struct connection *connection)
{
    struct db_group *group = xcalloc(1, sizeof(*group));

    group->given_up_at = deadline_of_group(connection);
    deadline_add(connection, group->given_up_at);
    DL_APPEND(connection->groups, group);
    return group;
}

static bool send_prepare(struct connection *connection, const struct db_statement *statement)
{
    struct prepared *prepared = group_find_prepared(connection, statement);
    struct db_group *group;

    if (prepared == NULL) {
        prepared = xcalloc(1, sizeof(*prepared));
        prepared->statement = statement;
        HASH_ADD_PTR(connection->prepared, statement, prepared);
    }
    if (prepared->usable) {
        return true;
    }
    prepared->usable = true;
    group = group_new(connection);
    group->prepares = statement;
    group->expected = 1;
    return PQsendPrepare(connection->pg, statement->name, statement->sql, 0, NULL) == 1 &&
           PQpipelineSync(connection->pg) == 1;
}

static bool is_grouped(const struct connection *connection, const struct db_unit *unit)
{
    return connection->writer && !unit->alone;
}

/* How many units of those that wait, at least one, are the next group. */
static size_t next_group(const struct connection *connection)
{
    const struct db_unit *unit = connection->waiting;
    size_t bytes = unit->bytes;
    size_t count = 1;

    if (!is_grouped(connection, unit)) {
        return 1;
    }
    while ((unit = unit->next) != NULL && is_grouped(connection, unit) && count < GROUP_UNITS) {
        bytes += unit->bytes;
        if (bytes > GROUP_BYTES) {
            break;
        }
        count++;
    }
    return count;
}

static bool prepare_all(struct connection *connection, size_t count)
{
    const struct db_unit *unit = connection->waiting;

    for (; count > 0; count--, unit = unit->next) {
        for (const struct call *call = unit->calls; call != NULL; call = call->next) {
            if (!send_prepare(connection, call->statement)) {
                return false;
            }
        }
    }
    return true;
}

static bool stands_before(struct db_group *group, struct call *call)
{
    for (const struct call *other = group->once; other != NULL; other = other->next_once) {
        if (other->statement == call->statement &&
            parameters_equal(&other->parameters, &call->parameters)) {
            return true;
        }
    }
    call->next_once = group->once;
    group->once = call;
    return false;
}

static bool send_call(PGconn *pg, const struct call *call)
{
    const struct parameters *parameters = &call->parameters;

    return PQsendQueryPrepared(pg, call->statement->name, parameters->count, parameters->values,
                               parameters->lengths, parameters->formats, 0) == 1;
}

/* A unit that has failed keeps its place, so that answers stay in order, but is not sent again. */
static bool send_unit(struct connection *connection, struct db_group *group, struct db_unit *unit)
{
    for (struct call *call = unit->calls; call != NULL; call = call->next) {
        call->skipped = unit->status < 0 || (call->once && stands_before(group, call));
        if (call->skipped) {
            continue;
        }
        group->expected++;
        if (!send_call(connection->pg, call)) {
            return false;
        }
    }
    unit_begin(unit);
    return true;
}

static struct db_unit *move_to_group(struct connection *connection, struct db_group *group)
{
    struct db_unit *unit = connection->waiting;

    DL_DELETE(connection->waiting, unit);
    DL_APPEND(group->units, unit);
    unit->place = UNIT_SENT;
    connection->window++;
    group->count++;
    return unit;
}

static bool send_group(struct connection *connection)
{
    size_t count = next_group(connection);
    struct db_group *group;
    bool sent = true;

    if (connection->waiting->repeat) { /* of what must not be lost */
        FAULT_POINT(before_batch);
    }
    if (!prepare_all(connection, count)) {
        return false;
    }
    group = group_new(connection);
    for (; count > 0; count--) {
        struct db_unit *unit = move_to_group(connection, group);

        sent = sent && send_unit(connection, group, unit);
        if (!sent) {
            unit_begin(unit);
        }
    }
    group->current = group->units;
    sent = sent && PQpipelineSync(connection->pg) == 1; /* writes what there is */
    if (group->units->repeat) {
        FAULT_POINT(batch_sent);
    }
    return sent;
}

/* A writer waits for each answer, also while units are tried alone: what fails then and is sent
 * again must not find younger ones on their way. */
static bool may_send(const struct connection *connection)
{
    return connection->waiting != NULL && connection->window < (connection->writer ? 1 : WINDOW);
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

bool group_send(struct connection *connection)
{
    while (may_send(connection)) {
        if (!send_group(connection)) {
            return false;
        }
    }
    return flush(connection);
}

static void send_later(void *user)
{
    struct connection *connection = user;

    connection->task = NULL;
    if (connection->state == CONNECTION_READY) {
        pipeline_event(connection, 0);
    }
}

void group_kick(struct connection *connection)
{
    if (connection->task == NULL && connection->state == CONNECTION_READY &&
        connection->waiting != NULL) {
        connection->task = loop_defer(connection->db->loop, send_later, connection);
    }
}
