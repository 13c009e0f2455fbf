/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Timers for tests of the session manager: they fire when a test says that time has passed.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/io/timer.h"
#include "tests/unit/unit.h"

#define FAKE_SWEEP_MS 10000

struct timer {
    struct timer *next;
    void (*fired)(void *user);
    void *user;
    bool active;
    uint64_t at_ms, repeat_ms;
    unsigned round; /* of fake_pass() */
};

static struct {
    struct timer *first;
    struct timer *sweep; /* accounts are let go */
} fake_timers;

static void pump(void);

struct timer *timer_new(struct loop *loop, void (*fired)(void *user), void *user)
{
    struct timer *timer = xcalloc(1, sizeof(*timer));

    (void)loop;
    *timer = (struct timer){.next = fake_timers.first, .fired = fired, .user = user};
    fake_timers.first = timer;
    return timer;
}

void timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms)
{
    timer->active = true;
    timer->at_ms = clock_monotonic_ms() + after_ms;
    timer->repeat_ms = repeat_ms;
    if (repeat_ms == FAKE_SWEEP_MS) {
        fake_timers.sweep = timer;
    }
}

void timer_stop(struct timer *timer)
{
    timer->active = false;
}

bool timer_active(const struct timer *timer)
{
    return timer->active;
}

void timer_close(struct timer *timer)
{
    struct timer **at = &fake_timers.first;

    while (*at != timer) {
        at = &(*at)->next;
    }
    *at = timer->next;
    free(timer);
}

/* Time passes, and what is due by then happens. */
static UNUSED void fake_later(uint64_t ms)
{
    struct timer *timer;

    clock_fake(clock_monotonic_ms() + ms, clock_wall_us() + (int64_t)ms * 1000);
    do {
        for (timer = fake_timers.first; timer; timer = timer->next) {
            if (timer->active && timer->at_ms <= clock_monotonic_ms() &&
                timer != fake_timers.sweep) {
                timer->active = timer->repeat_ms > 0;
                timer->at_ms += timer->repeat_ms;
                timer->fired(timer->user);
                pump();
                break;
            }
        }
    } while (timer);
}

/* Time passes, and every timer that runs fires, due or not. */
static UNUSED void fake_pass(uint64_t ms)
{
    static unsigned round;
    struct timer *timer;

    clock_fake(clock_monotonic_ms() + ms, clock_wall_us() + (int64_t)ms * 1000);
    round++;
    do {
        for (timer = fake_timers.first; timer; timer = timer->next) {
            if (timer->active && timer->round != round) {
                timer->round = round;
                timer->active = timer->repeat_ms > 0;
                timer->fired(timer->user);
                break;
            }
        }
    } while (timer);
    pump();
}
