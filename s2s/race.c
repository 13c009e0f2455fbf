/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The race between addresses.
 */
#include "s2s/race.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/io/timer.h"

struct runner {
    struct race *race; /* NULL: out of the race */
    struct conn *conn;
    const struct candidate *candidate;
    struct runner *prev, *next;
};

struct race {
    struct loop *loop;
    const struct candidate *candidates;
    size_t count, next;
    const struct race_ops *ops;
    void *user;
    struct timer *timer;
    struct runner *runners;
};

static void start_next(void *user);

static void leave(struct runner *runner)
{
    DL_DELETE(runner->race->runners, runner);
    runner->race = NULL;
}

static void tell(const struct runner *runner, const char *problem)
{
    const struct race *race = runner->race;
    if (race->ops->tried)
        race->ops->tried(race->user, runner->candidate, problem);
}

static void stop_all(struct race *race)
{
    struct runner *runner, *next;
    timer_stop(race->timer);
    DL_FOREACH_SAFE (race->runners, runner, next) {
        leave(runner);
        conn_abort(runner->conn);
    }
}

static void on_connected(void *user)
{
    struct runner *runner = user;
    struct race *race = runner->race;
    struct conn *conn = runner->conn;
    const struct candidate *candidate = runner->candidate;
    leave(runner);
    free(runner);
    stop_all(race);
    race->ops->won(race->user, conn, candidate);
}

static void on_data(void *user, const char *bytes, size_t length)
{
    (void)user, (void)bytes, (void)length;
}

static void on_closed(void *user, int reason)
{
    struct runner *runner = user;
    struct race *race = runner->race;
    (void)reason;
    if (race) {
        tell(runner, conn_dial_problem(runner->conn));
        leave(runner);
        start_next(race);
    }
    free(runner);
}

static const struct conn_ops conn_ops = {
    .connected = on_connected,
    .data = on_data,
    .closed = on_closed,
};

static void start_next(void *user)
{
    struct race *race = user;
    if (race->next == race->count) {
        if (!race->runners)
            race->ops->lost(race->user);
        return;
    }
    struct runner *runner = xcalloc(1, sizeof(*runner));
    runner->race = race;
    runner->candidate = &race->candidates[race->next++];
    DL_APPEND(race->runners, runner);
    char *address = address_text(&runner->candidate->address);
    runner->conn = conn_connect(race->loop, address, &conn_ops, runner);
    free(address);
    tell(runner, NULL);
    timer_start(race->timer, RACE_DELAY_MS, 0);
}

struct race *race_new(struct loop *loop, const struct candidate *candidates, size_t count,
                      const struct race_ops *ops, void *user)
{
    struct race *race = xcalloc(1, sizeof(*race));
    race->loop = loop;
    race->candidates = candidates;
    race->count = count;
    race->ops = ops;
    race->user = user;
    race->timer = timer_new(loop, start_next, race);
    return race;
}

void race_go(struct race *race)
{
    timer_start(race->timer, 0, 0);
}

void race_free(struct race *race)
{
    if (!race)
        return;
    stop_all(race);
    timer_close(race->timer);
    free(race);
}
