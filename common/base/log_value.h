/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The text of one value of a log line; for log.c and log_journal.c.
 */
#pragma once

#include "common/base/buffer.h"

#define LOG_VALUE_MAX 256

/* Appends the first LOG_VALUE_MAX bytes of `text`, quoted and escaped where that is needed. */
void log_value_append(struct buffer *line, const char *text);
