/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Dates and times of XMPP (XEP-0082), in UTC. Microseconds since 1970-01-01T00:00:00Z.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

#define DATETIME_SIZE sizeof("YYYY-MM-DDThh:mm:ss.ssssssZ")

/* "2026-01-31T12:00:00.123Z"; the fraction is left out if it is 0, else in milliseconds. */
void datetime_format(int64_t time_us, char text[DATETIME_SIZE]);
/* With any offset and fraction. ERR_MALFORMED. */
MUST_CHECK int datetime_parse(const char *text, int64_t *time_us);
