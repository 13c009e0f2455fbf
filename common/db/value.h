/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Parameters in the form libpq takes them.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/macros.h"
#include "common/db/db.h"

struct parameters {
    int count;
    const char **values;
    int *lengths;
    int *formats;
};

/* Copies into the arena. ERR_INVALID: a text holds a NUL, or a value is too long. */
MUST_CHECK int parameters_make(struct arena *arena, const struct db_value *values, int count,
                               struct parameters *parameters);
size_t parameters_size(const struct parameters *parameters);
bool parameters_equal(const struct parameters *a, const struct parameters *b);
