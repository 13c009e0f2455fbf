/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The event loop of one worker (libuv). Nothing blocks in it. Everything here belongs to the
 * thread that runs the loop, except loop_work's work function.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

struct loop;

struct loop *loop_new(void);
/* Everything on it must have been closed; runs the loop until their close callbacks have run. */
void loop_free(struct loop *loop);
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
struct uv_loop_s *loop_uv(struct loop *loop);
/* Shared scratch for reading, valid until the next callback. */
char *loop_scratch(struct loop *loop, size_t *size);

/* Runs `task` once, after the callbacks of this turn: "callbacks never run inside the call that
 * registers them". Tasks run in the order they were given. */
struct loop_task;
struct loop_task *loop_defer(struct loop *loop, void (*task)(void *user), void *user);
void loop_defer_cancel(struct loop_task *task);

/* Runs work() in a thread of the pool, then done() on the loop. Never cancelled: `user` must live
 * until done(). */
void loop_work(struct loop *loop, void (*work)(void *user), void (*done)(void *user), void *user);
