/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Timers over uv_timer_t.
 */
#include "common/io/timer.h"

#include <stdlib.h>

#include <uv.h>

#include "common/base/macros.h"
#include "common/base/memory.h"

struct timer {
    uv_timer_t handle;
    void (*fired)(void *user);
    void *user;
};

static void on_timer(uv_timer_t *handle)
{
    struct timer *timer = CONTAINER_OF(handle, struct timer, handle);
    timer->fired(timer->user);
}

static void on_close(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_timer_t *)handle, struct timer, handle));
}

struct timer *timer_new(struct loop *loop, void (*fired)(void *user), void *user)
{
    struct timer *timer = xcalloc(1, sizeof(*timer));
    timer->fired = fired;
    timer->user = user;
    uv_timer_init(loop_uv(loop), &timer->handle);
    return timer;
}

/* libuv counts from the beginning of the turn; a long callback before this call would shorten the
 * wait. */
void timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms)
{
    uv_update_time(timer->handle.loop);
    uv_timer_start(&timer->handle, on_timer, after_ms, repeat_ms);
}

void timer_stop(struct timer *timer)
{
    uv_timer_stop(&timer->handle);
}

bool timer_active(const struct timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->handle);
}

void timer_close(struct timer *timer)
{
    if (timer) {
        uv_close((uv_handle_t *)&timer->handle, on_close);
    }
}

static void skip(uv_handle_t *handle, void *by)
{
    if (handle->type != UV_TIMER || !uv_is_active(handle)) {
        return;
    }
    uv_timer_t *timer = (uv_timer_t *)handle;
    uint64_t ms = *(const uint64_t *)by;
    uint64_t due = uv_timer_get_due_in(timer);
    uv_timer_start(timer, timer->timer_cb, due > ms ? due - ms : 0, uv_timer_get_repeat(timer));
}

void timer_skip(struct loop *loop, uint64_t ms)
{
    uv_walk(loop_uv(loop), skip, &ms);
}

static uint64_t grown(unsigned attempt, uint64_t base_ms, uint64_t cap_ms)
{
    if (attempt >= 64 || base_ms > (cap_ms >> attempt)) {
        return cap_ms;
    }
    return base_ms << attempt;
}

uint64_t backoff_ms(unsigned attempt, uint64_t base_ms, uint64_t cap_ms)
{
    uint64_t most = MIN(grown(attempt, base_ms, cap_ms), UINT32_MAX - 1);
    uint64_t least = most / 2;
    return least + arc4random_uniform((uint32_t)(most - least) + 1);
}
