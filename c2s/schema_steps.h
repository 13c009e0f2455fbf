/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The migrations as data.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The number of a step is its place, counted from 1. */
struct schema_step {
    const char *sql;
    /* The lowest schema_version() a program may have to go on with a database where this step was
     * done; 0: as before. */
    int64_t oldest;
};

extern const struct schema_step schema_steps[];
extern const size_t schema_steps_count;
