/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The command `features` of every daemon: a line for each specification that it serves, its name,
 * version, place and note, with "; " between and "-" for what there is not.
 */
#pragma once

#include "common/service/control.h"
#include "common/service/spec.h"

struct features;

struct features *features_new(void);
void features_free(struct features *features);
/* A table that ends with name NULL and lives on, as `where` does. */
void features_add(struct features *features, const struct spec *specs, const char *where);
void features_print(const struct features *features, struct control_request *request);
