/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Time.
 */
#include "common/base/clock.h"

#include <stdbool.h>
#include <time.h>

static struct {
    bool on;
    uint64_t monotonic_ms;
    int64_t wall_us;
} fake;

static int64_t read_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t clock_monotonic_us(void)
{
    return fake.on ? fake.monotonic_ms * 1000 : (uint64_t)read_us(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

uint64_t clock_awake_ms(struct clock_awake *clock)
{
    uint64_t now = clock_monotonic_ms();

    if (clock->read_ms > 0 && now - clock->read_ms > 4 * CLOCK_AWAKE_TICK_MS)
        clock->asleep_ms += now - clock->read_ms;
    clock->read_ms = now;
    return now - clock->asleep_ms;
}

int64_t clock_wall_us(void)
{
    return fake.on ? fake.wall_us : read_us(CLOCK_REALTIME);
}

void clock_fake(uint64_t monotonic_ms, int64_t wall_us)
{
    fake.on = true;
    fake.monotonic_ms = monotonic_ms;
    fake.wall_us = wall_us;
}
