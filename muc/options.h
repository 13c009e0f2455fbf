/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The configuration of a room (XEP-0045 §15.5.3) is a table: options.def.
 */
#pragma once

#include <stdbool.h>

#include "common/xmpp/element.h"

enum option {
#define OPTION(name, stored, field, type, preset, label) OPTION_##name,
#include "muc/options.def"
#undef OPTION
    OPTIONS
};

struct option_row {
    const char *stored; /* its name in the database */
    const char *field;
    const char *type;
    const char *preset;
    const char *label;
};

extern const struct option_row option_rows[OPTIONS];

/* -1: there is none of this name. */
int option_of_stored(const char *stored);
int option_of_field(const char *field);
/* Whether the value, with line breaks between several, can be one of this option. Booleans are
 * "0" or "1" then: `*value` may be replaced by a constant. */
bool option_accepts(enum option option, const char **value);
/* Whether a list, as it is kept, has this value. */
bool option_has(const char *values, const char *value);
/* The choices of a list, each {value, label}, ending with NULL; NULL: it is no list. */
struct option_choice {
    const char *value, *label;
};
const struct option_choice *option_choices(enum option option);
