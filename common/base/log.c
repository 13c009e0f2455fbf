/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Structured log lines.
 */
#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "common/base/log_count.h"
#include "common/base/log_journal.h"
#include "common/base/log_value.h"

static const struct {
    const char *name;
    char priority; /* syslog(3), for the journal */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", '3'},
    [LOG_LEVEL_WARN] = {"warn", '4'},
    [LOG_LEVEL_INFO] = {"info", '6'},
    [LOG_LEVEL_DEBUG] = {"debug", '7'},
};

static enum log_level lowest = LOG_LEVEL_INFO;

static void append_field(struct buffer *line, const struct log_field *field)
{
    if (field->type == LOG_FIELD_INT) {
        buffer_printf(line, " %s=%" PRId64, field->key, field->value.number);
    } else if (field->value.text) {
        buffer_printf(line, " %s=", field->key);
        log_value_append(line, field->value.text);
    }
}

/* One write, so that lines of several processes do not mix. What the receiver cannot take is lost:
 * nothing waits for a log. */
static void write_line(struct buffer *line)
{
    ssize_t written;

    buffer_append_char(line, '\n');
    do {
        written = write(STDERR_FILENO, line->data, line->length);
    } while (written < 0 && errno == EINTR);
}

/* The journal takes the fields as they are, if it can be reached; else the line has its priority in
 * front. */
static void deliver(enum log_level level, struct buffer *line, const char *event,
                    const struct log_field *fields)
{
    struct buffer prefixed = {0};

    if (!log_journal_is_stderr()) {
        write_line(line);
    } else if (!log_journal_send(levels[level].priority, line->data, event, fields)) {
        buffer_printf(&prefixed, "<%c>%s", levels[level].priority, line->data);
        write_line(&prefixed);
        buffer_fini(&prefixed);
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    int64_t suppressed = 0;

    if (!log_count_add(level, event, fields, level <= lowest, &suppressed)) {
        return;
    }
    int saved_errno = errno;
    struct buffer line = {0};
    buffer_printf(&line, "%s event=%s", levels[level].name, event);
    for (const struct log_field *field = fields; field->key; field++) {
        append_field(&line, field);
    }
    if (suppressed > 0) {
        append_field(&line, &LOG_INT("suppressed", suppressed));
    }
    deliver(level, &line, event, fields);
    buffer_fini(&line);
    errno = saved_errno;
}

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

void log_set_level(enum log_level level)
{
    lowest = level;
}

int log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return ERR_INVALID;
}
