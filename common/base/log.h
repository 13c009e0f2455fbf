/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Structured log lines: `level event=name key=value …`, one line an event, on standard error.
 *
 *     log_info("client_authenticated", LOG_TEXT("sid", id), LOG_TEXT("jid", jid), LOG_INT("n", n));
 *
 * Values with blanks, quotes or control bytes are quoted and escaped, so no value from the network
 * can forge a line; values are cut at 256 bytes. A field whose value is NULL is left out. Every
 * event name is listed in docs/LOGGING.md (tests/lint checks it). Bodies, credentials and other
 * secrets are never values, at any level. When standard error is the journal it gets the fields too
 * (log_journal.h). Libraries return errors; only daemons log, once per fault.
 * An event that repeats more than 10 times a second is suppressed and counted ("suppressed=n").
 */
#pragma once

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_field {
    const char *key;
    enum { LOG_FIELD_END, LOG_FIELD_TEXT, LOG_FIELD_INT } type;
    union {
        const char *text;
        int64_t number;
    } value;
};

#define LOG_TEXT(name, v) ((struct log_field){(name), LOG_FIELD_TEXT, {.text = (v)}})
#define LOG_INT(name, v)  ((struct log_field){(name), LOG_FIELD_INT, {.number = (int64_t)(v)}})
/* The text of an ERR_* code as reason=… */
#define LOG_ERROR(error) LOG_TEXT("reason", error_text(error))

#define log_event(level, event, ...)                                                               \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define log_error(event, ...) log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_event(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

void log_write(enum log_level level, const char *event, const struct log_field *fields);
/* Lines below this level are dropped; LOG_LEVEL_INFO at start. */
void log_set_level(enum log_level level);
/* "error", "warn", "info", "debug"; ERR_INVALID for anything else. */
int log_level_parse(const char *name, enum log_level *level);
