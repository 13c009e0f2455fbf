/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Removing what is too old: some rows at a time, one transaction after the other.
 *
 * The number of the last message stays known (room.last), so ids are never used again (XEP-0313
 * §6.2). Age is a matter of wall time, and a clock that has jumped must not empty the archives: a
 * round in which it has is left out.
 */
#include "muc/retention.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#define PAUSE_MS 50
#define RETRY_MS 30000
/* Rows in a transaction. */
#define ROWS "500"
/* No clock that is kept in order moves so far between two rounds, beyond the time itself. */
#define JUMP_US (INT64_C(3600) * 1000000)

struct retention {
    struct muc *muc;
    struct timer *timer;
    struct db_unit *unit;
    int64_t offset_us; /* of the wall clock from the other one, in the last round */
    bool known;
};

/* Room by room, as the index on (room, said) has them. */
static const struct db_statement remove_old = {
    "muc_retention_messages",
    "WITH old AS (SELECT r.room, m.seq FROM room r CROSS JOIN LATERAL"
    " (SELECT seq FROM message WHERE room = r.room AND said < to_timestamp($1::bigint / 1e6)"
    " ORDER BY said LIMIT " ROWS ") m LIMIT " ROWS "),"
    " gone AS (DELETE FROM message m USING old WHERE m.room = old.room AND m.seq = old.seq"
    " RETURNING m.room, m.seq),"
    " kept AS (UPDATE room r SET last = g.seq FROM"
    " (SELECT room, max(seq) AS seq FROM gone GROUP BY room) g"
    " WHERE g.room = r.room AND g.seq > r.last)"
    " SELECT count(*) FROM gone",
    1};

static void next(struct retention *retention, uint64_t ms)
{
    timer_start(retention->timer, ms, 0);
}

static void on_removed(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct retention *retention = user;
    int64_t removed;

    retention->unit = NULL;
    if (status == ERR_CANCELLED)
        return;
    if (status < 0) {
        next(retention, RETRY_MS);
        return;
    }
    removed = db_get_int(&results[0], 0, 0);
    if (removed > 0)
        log_info("muc_retention", LOG_INT("messages", removed));
    next(retention, removed > 0 ? PAUSE_MS : retention->muc->limits.interval_ms);
}

/* Not in a round behind a jump. */
static bool clock_is_steady(struct retention *retention)
{
    int64_t offset = clock_wall_us() - (int64_t)clock_monotonic_ms() * 1000;
    int64_t moved = offset - retention->offset_us;
    bool steady = retention->known && moved < JUMP_US && moved > -JUMP_US;

    retention->offset_us = offset;
    retention->known = true;
    return steady;
}

static void on_timer(void *user)
{
    struct retention *retention = user;
    const struct muc *muc = retention->muc;
    int64_t before = clock_wall_us() - (int64_t)muc->limits.retention_ms * 1000;

    if (!clock_is_steady(retention) || muc->limits.retention_ms == 0) {
        next(retention, muc->limits.interval_ms);
        return;
    }
    retention->unit = db_unit_new(muc->db, 0);
    db_unit_repeat(retention->unit);
    db_unit_add_values(retention->unit, &remove_old, DB_INT(before));
    retention->unit = db_submit(retention->unit, on_removed, retention);
}

struct retention *retention_start(struct muc *muc)
{
    struct retention *retention = xcalloc(1, sizeof(*retention));

    retention->muc = muc;
    retention->timer = timer_new(muc->loop, on_timer, retention);
    clock_is_steady(retention);
    next(retention, muc->limits.interval_ms);
    return retention;
}

void retention_stop(struct retention *retention)
{
    if (retention == NULL)
        return;
    db_cancel(retention->unit);
    timer_close(retention->timer);
    free(retention);
}
