/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Structured log lines.
 */
#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log_count.h"
#include "common/base/log_value.h"
#include "common/base/table.h"

#define WINDOW_MS        1000
#define EVENTS_IN_WINDOW 10

static const struct {
    const char *name;
    char priority; /* syslog(3), for the journal */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", '3'},
    [LOG_LEVEL_WARN] = {"warn", '4'},
    [LOG_LEVEL_INFO] = {"info", '6'},
    [LOG_LEVEL_DEBUG] = {"debug", '7'},
};

/* How often an event came in its current second. There are as many as the source has names. */
struct event_rate {
    const char *event;
    uint64_t window_start;
    unsigned in_window;
    int64_t suppressed;
    UT_hash_handle hh;
};

static enum log_level lowest = LOG_LEVEL_INFO;
static struct event_rate *rates;
/* Threads of the pools may log too. */
static pthread_mutex_t rates_lock = PTHREAD_MUTEX_INITIALIZER;

static struct event_rate *rate_of(const char *event, uint64_t now)
{
    struct event_rate *rate;

    HASH_FIND_STR(rates, event, rate);
    if (!rate) {
        rate = xcalloc(1, sizeof(*rate));
        rate->event = xstrdup(event);
        rate->window_start = now;
        HASH_ADD_KEYPTR(hh, rates, rate->event, strlen(rate->event), rate);
    }
    return rate;
}

/* Whether the event may be written; `suppressed`: how many of it were not since the last one. */
static bool admit(const char *event, int64_t *suppressed)
{
    uint64_t now = clock_monotonic_ms();

    pthread_mutex_lock(&rates_lock);
    struct event_rate *rate = rate_of(event, now);
    if (now - rate->window_start >= WINDOW_MS) {
        rate->window_start = now;
        rate->in_window = 0;
    }
    bool admitted = rate->in_window < EVENTS_IN_WINDOW;
    if (admitted) {
        rate->in_window++;
        *suppressed = rate->suppressed;
        rate->suppressed = 0;
    } else {
        rate->suppressed++;
    }
    pthread_mutex_unlock(&rates_lock);
    return admitted;
}

/* sd-daemon(3): $JOURNAL_STREAM has device and inode of the journal's socket, and it is inherited
 * by processes whose standard error goes elsewhere. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;

    if (!stream || fstat(STDERR_FILENO, &status) < 0) {
        return false;
    }
    char *end;
    uintmax_t device = strtoumax(stream, &end, 10);
    if (end == stream || *end != ':') {
        return false;
    }
    return device == status.st_dev && strtoumax(end + 1, NULL, 10) == status.st_ino;
}

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
static void write_line(const struct buffer *line)
{
    ssize_t written;

    do {
        written = write(STDERR_FILENO, line->data, line->length);
    } while (written < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    int64_t suppressed = 0;

    log_count_add(level, event, fields);
    if (level > lowest || !admit(event, &suppressed)) {
        return;
    }
    int saved_errno = errno;
    struct buffer line = {0};
    if (stderr_is_journal()) {
        buffer_printf(&line, "<%c>", levels[level].priority);
    }
    buffer_printf(&line, "%s event=%s", levels[level].name, event);
    for (; fields->key; fields++) {
        append_field(&line, fields);
    }
    if (suppressed > 0) {
        append_field(&line, &LOG_INT("suppressed", suppressed));
    }
    buffer_append_char(&line, '\n');
    write_line(&line);
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
