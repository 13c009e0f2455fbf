/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One-shot and repeating timers. A timer is owned by whoever made it; timer_close() is final and
 * the callback does not run after it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/io/loop.h"

struct timer;

struct timer *timer_new(struct loop *loop, void (*fired)(void *user), void *user);
/* (Re)arms it. repeat_ms 0: once. */
void timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms);
void timer_stop(struct timer *timer);
bool timer_active(const struct timer *timer);
/* NULL is allowed. The memory goes when libuv has let go of it. */
void timer_close(struct timer *timer);
/* For tests: every running timer of this loop is nearer by `ms`, as if that time had passed. */
void timer_skip(struct loop *loop, uint64_t ms);

/* A delay with full jitter: between half and all of min(base << attempt, cap). */
uint64_t backoff_ms(unsigned attempt, uint64_t base_ms, uint64_t cap_ms);
