/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * --json for verbs that print lines for people: what the lines mean is a table of patterns
 * (json.c), so that a verb says each thing once. Verbs that are not in it take --json themselves.
 */
#pragma once

#include "kontalkctl/ctl.h"

struct json_shape;

/* Of the verb with these words; NULL: it takes --json itself. */
const struct json_shape *json_shape_find(const char *words);
/* Runs the verb, and prints what it says as JSON. Returns its exit status. */
int json_shape_run(const struct json_shape *shape, const struct ctl_verb *verb,
                   const struct ctl *ctl, size_t argc, const char *const *argv);
/* One line by a pattern, into an object; false: it is another one. For the tests of patterns. */
bool json_match(const char *pattern, const char *line, json_t *object);
