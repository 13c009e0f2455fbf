/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Numbers with units.
 */
#pragma once

#include <stdint.h>

#include "common/base/arena.h"
#include "common/config/config.h"

/* `type`: CONFIG_NUMBER, CONFIG_DURATION (to milliseconds) or CONFIG_SIZE (to bytes). Digits and,
 * for a duration other than 0, a unit; no sign, no blanks. ERR_MALFORMED, also beyond 2^63 - 1. */
MUST_CHECK int config_number_parse(enum config_type type, const char *text, int64_t *number);
/* The shortest text that parses to the same. */
const char *config_number_text(struct arena *arena, enum config_type type, int64_t number);
