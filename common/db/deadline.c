/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Deadlines of units. A unit that was sent cannot be taken back: its caller is told, its place in
 * the pipeline stays until the server has answered. So whatever the caller does next on the same
 * connection still runs after it. A server that stays silent is left.
 */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/db/connection.h"

/* In deadlines, from the submission of the oldest unit: then the connection is given up. */
#define PATIENCE 4

static uint64_t given_up_at(const struct connection *connection)
{
    return connection->sent->deadline + (PATIENCE - 1) * connection->db->deadline_ms;
}

static const struct db_unit *first_awaited(const struct connection *connection)
{
    const struct db_unit *unit = connection->sent;

    while (unit != NULL && unit->done == NULL) {
        unit = unit->next;
    }
    return unit;
}

static uint64_t next_deadline(const struct connection *connection)
{
    const struct db_unit *awaited = first_awaited(connection);
    uint64_t next = UINT64_MAX;

    if (connection->waiting != NULL) {
        next = connection->waiting->deadline;
    }
    if (connection->sent != NULL) {
        next = MIN(next, given_up_at(connection));
    }
    return awaited != NULL ? MIN(next, awaited->deadline) : next;
}

static void wake_at(struct connection *connection, uint64_t at)
{
    uint64_t now = clock_monotonic_ms();

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

static void end_waiting(struct connection *connection, uint64_t now)
{
    while (connection->waiting != NULL && connection->waiting->deadline <= now) {
        struct db_unit *unit = connection->waiting;

        pipeline_forget_waiting(unit);
        unit_finish_take(unit, ERR_UNAVAILABLE);
    }
}

/* Callbacks may cancel other units, but none leaves the list of those that were sent. */
static void answer_sent(struct connection *connection, uint64_t now)
{
    struct db_unit *unit;

    DL_FOREACH (connection->sent, unit) {
        if (unit->deadline > now) {
            return;
        }
        unit_answer(unit, ERR_TIMEOUT);
    }
}

void deadline_passed(void *user)
{
    struct connection *connection = user;
    uint64_t now = clock_monotonic_ms();

    end_waiting(connection, now);
    answer_sent(connection, now);
    if (connection->sent != NULL && given_up_at(connection) <= now) {
        buffer_clear(&connection->db->problem);
        buffer_append_text(&connection->db->problem, "the server does not answer");
        connection_lose(connection);
    }
    wake_at(connection, next_deadline(connection));
}
