/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Work at the end of a turn, for common/io only: what was written to connections during a turn goes
 * out together, after the callbacks and deferred tasks of that turn.
 */
#pragma once

#include <stdbool.h>

#include "common/io/loop.h"

/* Embedded in what is flushed; zero-initialised, but for `run`, is "not in the list". */
struct loop_flush {
    struct loop_flush *prev, *next;
    void (*run)(struct loop_flush *flush);
};

/* Once more is the same as once. */
void loop_flush_add(struct loop *loop, struct loop_flush *flush);
void loop_flush_remove(struct loop *loop, struct loop_flush *flush);
