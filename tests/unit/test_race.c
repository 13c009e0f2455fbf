/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Which of several addresses is connected to (RFC 8305 §5): those that refuse are passed over, and
 * a winner that was no good is followed by those behind it.
 */
#include "s2s/race.h"

#include <unistd.h>

#include "common/io/listener.h"
#include "tests/unit/unit.h"

#define PLACES 3

struct world {
    struct loop *loop;
    struct listener *listeners[PLACES];
    struct target target;
    struct candidate candidates[PLACES];
    struct race *race;
    int won[PLACES], lost, tried;
    int again; /* so many winners are no good */
};

static void on_accepted(void *user, int fd, const char *peer)
{
    (void)user, (void)peer;
    close(fd);
}

static void on_closed(void *user, int reason)
{
    (void)user, (void)reason;
}

static void on_data(void *user, const char *bytes, size_t length)
{
    (void)user, (void)bytes, (void)length;
}

static const struct conn_ops conn_ops = {.data = on_data, .closed = on_closed};

static void end(struct world *world)
{
    race_free(world->race);
    world->race = NULL;
    loop_stop(world->loop);
}

static void on_won(void *user, struct conn *conn, const struct candidate *candidate)
{
    struct world *world = user;
    world->won[candidate - world->candidates]++;
    conn_set_ops(conn, &conn_ops, world);
    conn_abort(conn);
    if (world->again-- > 0)
        race_go(world->race);
    else
        end(world);
}

static void on_tried(void *user, const struct candidate *candidate, const char *problem)
{
    struct world *world = user;
    assert_in_range(candidate - world->candidates, 0, PLACES - 1);
    world->tried += problem == NULL;
}

static void on_lost(void *user)
{
    struct world *world = user;
    world->lost++;
    end(world);
}

static const struct race_ops race_ops = {.won = on_won, .tried = on_tried, .lost = on_lost};

/* `open`: whether somebody listens at each place. */
static void run(const bool *open, size_t count, int again, struct world *world)
{
    const struct listener_settings settings = {.address = "127.0.0.1:0"};
    const char *problem;
    *world = (struct world){.loop = loop_new(), .again = again};
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(listener_open(world->loop, &settings, on_accepted, world,
                                       &world->listeners[i], &problem),
                         0);
        world->candidates[i].target = &world->target;
        assert_int_equal(
            address_parse(listener_address(world->listeners[i]), &world->candidates[i].address), 0);
    }
    /* Only now, or the next one could get a port that nobody is to listen on. */
    for (size_t i = 0; i < count; i++) {
        if (open[i])
            continue;
        listener_close(world->listeners[i]);
        world->listeners[i] = NULL;
    }
    world->race = race_new(world->loop, world->candidates, count, &race_ops, world);
    race_go(world->race);
    assert_int_equal(world->tried, 0); /* nothing happens inside the call */
    loop_run(world->loop);
    assert_null(world->race);
    for (size_t i = 0; i < count; i++) {
        if (world->listeners[i])
            listener_close(world->listeners[i]);
    }
    loop_free(world->loop);
}

static void rows(void **state)
{
    static const struct {
        bool open[PLACES];
        size_t count;
        int again;
        int won[PLACES];
        int lost;
    } rows[] = {
        {{0}, 0, 0, {0}, 1},
        {{true}, 1, 0, {1}, 0},
        {{false}, 1, 0, {0}, 1},
        {{true, true, true}, 3, 0, {1}, 0},
        {{false, true, true}, 3, 0, {0, 1}, 0},
        {{false, false, true}, 3, 0, {0, 0, 1}, 0},
        {{false, false, false}, 3, 0, {0}, 1},
        {{true, true, true}, 3, 1, {1, 1}, 0},
        {{true, false, true}, 3, 1, {1, 0, 1}, 0},
        {{true, false, false}, 3, 1, {1}, 1},
        {{true, true, true}, 3, 3, {1, 1, 1}, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world world;
        run(rows[i].open, rows[i].count, rows[i].again, &world);
        for (size_t place = 0; place < PLACES; place++) {
            if (world.won[place] != rows[i].won[place])
                fail_msg("row %zu place %zu: %d", i, place, world.won[place]);
        }
        if (world.lost != rows[i].lost)
            fail_msg("row %zu: lost %d", i, world.lost);
    }
}

static void never_started(void **state)
{
    struct loop *loop = loop_new();
    (void)state;
    race_free(NULL);
    race_free(race_new(loop, NULL, 0, &race_ops, NULL));
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(never_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
