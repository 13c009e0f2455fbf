/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Unit tests of the loop, deferred tasks, timers and back-off.
 */
#include "common/io/loop.h"

#include <pthread.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/io/timer.h"
#include "tests/unit/unit.h"

struct world {
    struct loop *loop;
    struct buffer order;
    struct timer *timer;
    struct loop_task *victim;
    int count;
    pthread_t worker;
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.loop = loop_new()};
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    timer_close(world->timer);
    loop_free(world->loop);
    buffer_fini(&world->order);
    return 0;
}

static void task_a(void *user)
{
    buffer_append_char(&((struct world *)user)->order, 'a');
}

static void task_b(void *user)
{
    buffer_append_char(&((struct world *)user)->order, 'b');
}

static void task_defers(void *user)
{
    struct world *world = user;
    buffer_append_char(&world->order, '<');
    loop_defer(world->loop, task_a, world);
    buffer_append_char(&world->order, '>');
}

static void task_cancels(void *user)
{
    struct world *world = user;
    loop_defer_cancel(world->victim);
}

static void test_tasks_run_later_and_in_order(void **state)
{
    struct world *world = *state;
    loop_defer(world->loop, task_b, world);
    loop_defer(world->loop, task_defers, world);
    loop_defer(world->loop, task_b, world);
    assert_int_equal(world->order.length, 0);
    loop_run(world->loop);
    assert_string_equal(world->order.data, "b<>ba");
}

static void test_cancelled_tasks_do_not_run(void **state)
{
    struct world *world = *state;
    loop_defer_cancel(loop_defer(world->loop, task_b, world));
    loop_defer(world->loop, task_cancels, world);
    world->victim = loop_defer(world->loop, task_b, world);
    loop_defer(world->loop, task_a, world);
    loop_run(world->loop);
    assert_string_equal(world->order.data, "a");
}

static void task_forever(void *user)
{
    struct world *world = user;
    world->count++;
    world->victim = loop_defer(world->loop, task_forever, world);
}

static void fired_stops(void *user)
{
    struct world *world = user;
    buffer_append_char(&world->order, 't');
    loop_stop(world->loop);
}

static void test_a_task_that_defers_itself_starves_nobody(void **state)
{
    struct world *world = *state;
    world->timer = timer_new(world->loop, fired_stops, world);
    timer_start(world->timer, 5, 0);
    task_forever(world);
    loop_run(world->loop);
    assert_string_equal(world->order.data, "t");
    assert_true(world->count > 1);
    loop_defer_cancel(world->victim);
}

static void fired_thrice(void *user)
{
    struct world *world = user;
    if (++world->count == 3) {
        timer_stop(world->timer);
    }
}

static void test_timers_repeat_until_stopped(void **state)
{
    struct world *world = *state;
    world->timer = timer_new(world->loop, fired_thrice, world);
    assert_false(timer_active(world->timer));
    timer_start(world->timer, 1, 1);
    assert_true(timer_active(world->timer));
    loop_run(world->loop);
    assert_int_equal(world->count, 3);
    assert_false(timer_active(world->timer));
}

static void never(void *user)
{
    (void)user;
    fail_msg("a closed timer fired");
}

static void test_closed_timers_do_not_fire(void **state)
{
    struct world *world = *state;
    struct timer *timer = timer_new(world->loop, never, NULL);
    timer_start(timer, 0, 0);
    timer_close(timer);
    timer_close(NULL);
    loop_run(world->loop);
}

static void test_skipping_makes_timers_due(void **state)
{
    struct world *world = *state;
    world->timer = timer_new(world->loop, fired_stops, world);
    struct timer *later = timer_new(world->loop, never, NULL);
    timer_start(world->timer, 3600000, 0);
    timer_start(later, 7200001, 0);
    timer_skip(world->loop, 3600000);
    loop_run(world->loop);
    assert_string_equal(world->order.data, "t");
    assert_true(timer_active(later));
    timer_close(later);
}

static void work(void *user)
{
    ((struct world *)user)->worker = pthread_self();
}

static void work_done(void *user)
{
    struct world *world = user;
    assert_false(pthread_equal(world->worker, pthread_self()));
    task_a(user);
}

static void test_work_runs_elsewhere_and_ends_here(void **state)
{
    struct world *world = *state;
    loop_work(world->loop, work, work_done, world);
    assert_int_equal(world->order.length, 0);
    loop_run(world->loop);
    assert_string_equal(world->order.data, "a");
}

static void test_backoff_stays_between_half_and_all(void **state)
{
    (void)state;
    static const struct {
        unsigned attempt;
        uint64_t base, cap, most;
    } rows[] = {
        {0, 100, 60000, 100},
        {1, 100, 60000, 200},
        {5, 100, 60000, 3200},
        {10, 100, 60000, 60000},
        {63, 100, 60000, 60000},
        {64, 100, 60000, 60000},
        {4000000000u, 1, 500, 500},
        {0, 0, 60000, 0},
        {3, 1000, 1, 1},
        {0, 1, 1, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int n = 0; n < 50; n++) {
            uint64_t ms = backoff_ms(rows[i].attempt, rows[i].base, rows[i].cap);
            assert_in_range(ms, rows[i].most / 2, rows[i].most);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tasks_run_later_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancelled_tasks_do_not_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_task_that_defers_itself_starves_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_timers_repeat_until_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_timers_do_not_fire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_skipping_makes_timers_due, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work_runs_elsewhere_and_ends_here, setup, teardown),
        cmocka_unit_test(test_backoff_stays_between_half_and_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
