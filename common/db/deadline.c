/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Deadlines of units. A unit that was sent cannot be taken back: its caller is told, its place in
 * the pipeline stays until the server has answered. So whatever the caller does next on the same
 * connection still runs after it. A unit that is repeated until its outcome is known has no
 * deadline. A server that stays silent is left.
 */
#include "common/base/error.h"
#include "common/db/connection.h"

/* In deadlines, from the moment the oldest group was sent: then the connection is given up. */
#define PATIENCE 3

uint64_t deadline_of_group(const struct connection *connection)
{
    return pool_now(connection->db) + PATIENCE * connection->db->deadline_ms;
}

/* Deadlines rise along the list, but for units that were sent once and wait again: they stand in
 * front, with earlier ones. */
static uint64_t earliest(const struct db_unit *units)
{
    const struct db_unit *unit = units;

    while (unit != NULL && (unit->repeat || unit->done == NULL)) {
        unit = unit->next;
    }
    return unit != NULL ? unit->deadline : UINT64_MAX;
}

static uint64_t next_deadline(const struct connection *connection)
{
    uint64_t next = earliest(connection->waiting);

    for (const struct db_group *group = connection->groups; group != NULL; group = group->next) {
        next = MIN(next, earliest(group->units));
    }
    return connection->groups != NULL ? MIN(next, connection->groups->given_up_at) : next;
}

static void wake_at(struct connection *connection, uint64_t at)
{
    uint64_t now = pool_now(connection->db);

    connection->wake = at;
    if (at == UINT64_MAX) {
        timer_stop(connection->deadlines);
        return;
    }
    timer_start(connection->deadlines, at > now ? at - now : 1, 0);
}

void deadline_add(struct connection *connection, uint64_t deadline)
{
    if (deadline < connection->wake) {
        wake_at(connection, deadline);
    }
}

static struct db_unit *first_overdue(const struct connection *connection, uint64_t now)
{
    struct db_unit *unit;

    DL_FOREACH (connection->waiting, unit) {
        if (!unit->repeat && unit->deadline <= now) {
            return unit;
        }
    }
    return NULL;
}

/* From the start each time: callbacks may cancel what waits. */
static void end_waiting(struct connection *connection, uint64_t now)
{
    struct db_unit *unit;

    while ((unit = first_overdue(connection, now)) != NULL) {
        group_forget_waiting(unit);
        unit_finish_take(unit, unit->status < 0 ? unit->status : ERR_UNAVAILABLE);
    }
}

/* Callbacks may cancel other units, but none leaves the list of those that were sent. */
static void answer_sent(struct connection *connection, uint64_t now)
{
    struct db_group *group;
    struct db_unit *unit;

    DL_FOREACH (connection->groups, group) {
        DL_FOREACH (group->units, unit) {
            if (!unit->repeat && unit->deadline <= now) {
                unit_answer(unit, ERR_TIMEOUT);
            }
        }
    }
}

void deadline_passed(void *user)
{
    struct connection *connection = user;
    uint64_t now = pool_now(connection->db);

    end_waiting(connection, now);
    answer_sent(connection, now);
    if (connection->groups != NULL && connection->groups->given_up_at <= now) {
        buffer_clear(&connection->db->problem);
        buffer_append_text(&connection->db->problem, "the server does not answer");
        connection_lose(connection);
    }
    wake_at(connection, next_deadline(connection));
}
