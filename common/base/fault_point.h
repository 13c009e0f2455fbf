/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Fault points: places where a process ends itself by SIGKILL, for tests (docs/FAULTS.md). Only in
 * what `make FAULT_POINTS=yes` builds; elsewhere these macros are nothing.
 *
 * KONTALK_FAULT=point:n in the environment: at the n-th pass of that point, counted from the start
 * of the process. Anything else in it than a name and a number from 1 on ends the process by
 * abort(). Only on the thread of the loop.
 */
#pragma once

#ifdef FAULT_POINTS
/* At once: nothing behind it happens. */
#define FAULT_POINT(point) fault_point_pass(#point)
/* Behind the flushes of this turn of the loop: what was given to connections has been written. */
#define FAULT_POINT_WRITTEN(point) fault_point_written(#point)
/* The loop says that it has flushed. */
#define FAULT_POINT_FLUSHED() fault_point_flushed()

void fault_point_pass(const char *point);
void fault_point_written(const char *point);
void fault_point_flushed(void);
#else
#define FAULT_POINT(point)         ((void)0)
#define FAULT_POINT_WRITTEN(point) ((void)0)
#define FAULT_POINT_FLUSHED()      ((void)0)
#endif
