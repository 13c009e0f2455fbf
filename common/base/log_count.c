/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How often each event was logged, and whether it is too often for a line.
 */
#include "common/base/log_count.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/table.h"

#define WINDOW_MS        1000
#define EVENTS_IN_WINDOW 10

struct reason_count {
    struct log_count count; /* reason: "" in the table, NULL outside */
    UT_hash_handle hh;
};

/* There are as many as the source has names. */
struct event_count {
    const char *event;
    struct reason_count *reasons;
    /* Its lines in the current second, and those that were left out since the last one. */
    uint64_t window_start;
    unsigned in_window;
    int64_t suppressed;
    UT_hash_handle hh;
};

static struct event_count *events;
/* Threads of the pools may log too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *reason_in(const struct log_field *fields)
{
    for (; fields->key; fields++) {
        if (fields->type == LOG_FIELD_TEXT && fields->value.text &&
            strcmp(fields->key, "reason") == 0) {
            return fields->value.text;
        }
    }
    return "";
}

static struct event_count *event_of(const char *name)
{
    struct event_count *event;

    HASH_FIND_STR(events, name, event);
    if (!event) {
        event = xcalloc(1, sizeof(*event));
        event->event = xstrdup(name);
        event->window_start = clock_monotonic_ms();
        HASH_ADD_KEYPTR(hh, events, event->event, strlen(event->event), event);
    }
    return event;
}

static struct reason_count *reason_of(struct event_count *event, enum log_level level,
                                      const char *text)
{
    struct reason_count *reason;

    HASH_FIND_STR(event->reasons, text, reason);
    if (!reason && *text && HASH_COUNT(event->reasons) >= LOG_REASONS_MAX) {
        text = "other";
        HASH_FIND_STR(event->reasons, text, reason);
    }
    if (!reason) {
        reason = xcalloc(1, sizeof(*reason));
        reason->count = (struct log_count){event->event, level, xstrdup(text), 0};
        HASH_ADD_KEYPTR(hh, event->reasons, reason->count.reason, strlen(reason->count.reason),
                        reason);
    }
    return reason;
}

/* Whether a line of it may be written. */
static bool admit(struct event_count *event, int64_t *suppressed)
{
    uint64_t now = clock_monotonic_ms();

    if (now - event->window_start >= WINDOW_MS) {
        event->window_start = now;
        event->in_window = 0;
    }
    if (event->in_window >= EVENTS_IN_WINDOW) {
        event->suppressed++;
        return false;
    }
    event->in_window++;
    *suppressed = event->suppressed;
    event->suppressed = 0;
    return true;
}

bool log_count_add(enum log_level level, const char *event, const struct log_field *fields,
                   bool wanted, int64_t *suppressed)
{
    pthread_mutex_lock(&lock);
    struct event_count *counted = event_of(event);
    reason_of(counted, level, reason_in(fields))->count.count++;
    bool admitted = wanted && admit(counted, suppressed);
    pthread_mutex_unlock(&lock);
    return admitted;
}

void log_each_count(void (*each)(void *user, const struct log_count *count), void *user)
{
    pthread_mutex_lock(&lock);
    for (struct event_count *event = events; event; event = event->hh.next) {
        for (struct reason_count *reason = event->reasons; reason; reason = reason->hh.next) {
            struct log_count count = reason->count;
            count.reason = *count.reason ? count.reason : NULL;
            each(user, &count);
        }
    }
    pthread_mutex_unlock(&lock);
}
