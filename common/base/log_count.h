/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How often each event was logged since the start, also when its line was suppressed or below the
 * level. Events are told apart by their field `reason` too, up to LOG_REASONS_MAX of them for an
 * event; further ones are counted under "other". Ten lines a second may be written of an event.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/log.h"

#define LOG_REASONS_MAX 32

struct log_count {
    const char *event;
    enum log_level level;
    const char *reason; /* NULL: it has none */
    uint64_t count;
};

/* For log.c. True: its line, if one is wanted, may be written, and says that `suppressed` lines of
 * it were not since the last one. */
bool log_count_add(enum log_level level, const char *event, const struct log_field *fields,
                   bool wanted, int64_t *suppressed);
/* In the order in which they came first. */
void log_each_count(void (*each)(void *user, const struct log_count *count), void *user);
const char *log_level_name(enum log_level level);
