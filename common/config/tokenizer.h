/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One line of a configuration file, as text: which kind it is, its parts and where they stand.
 * Columns count bytes from 1. Knows nothing of the schema.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/macros.h"

#define CONFIG_LINE_MAX 4096

enum config_line_kind {
    CONFIG_LINE_EMPTY,   /* or only a comment */
    CONFIG_LINE_SECTION, /* [name] or [name "value"] */
    CONFIG_LINE_VALUE    /* name = value */
};

struct config_line {
    enum config_line_kind kind;
    const char *name;
    size_t name_column;
    const char *value; /* NULL: a section without one */
    size_t value_column;
    bool quoted; /* `value` stood in quotes */
};

struct config_mistake {
    size_t column;
    const char *text;
};

/* `text` without its newline; the strings of `line` are in `arena`. ERR_MALFORMED: see `mistake`.
 */
MUST_CHECK int config_line_parse(struct arena *arena, const char *text, size_t length,
                                 struct config_line *line, struct config_mistake *mistake);
