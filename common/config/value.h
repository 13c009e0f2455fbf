/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Values: what each type of the schema accepts.
 */
#pragma once

#include <stdint.h>

#include "common/base/arena.h"
#include "common/config/config.h"

struct config_value {
    const char *text;
    int64_t number; /* numbers, milliseconds, bytes; 1 for yes */
    struct config_value *next;
};

/* Checks `text` as a value of `item`, into `value` (strings in `arena`). A relative path begins at
 * `directory`. NULL if it is good, else what is wrong with it. */
const char *config_value_parse(struct arena *arena, const char *directory,
                               const struct config_item *item, const char *text,
                               struct config_value *value);
/* "a duration, such as 30s" */
const char *config_type_text(enum config_type type);
