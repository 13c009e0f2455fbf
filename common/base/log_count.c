/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How often each event was logged.
 */
#include "common/base/log_count.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "common/base/table.h"

struct reason_count {
    struct log_count count; /* reason: "" in the table, NULL outside */
    UT_hash_handle hh;
};

/* There are as many as the source has names. */
struct event_count {
    const char *event;
    struct reason_count *reasons;
    UT_hash_handle hh;
};

static struct event_count *events;
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

void log_count_add(enum log_level level, const char *event, const struct log_field *fields)
{
    pthread_mutex_lock(&lock);
    reason_of(event_of(event), level, reason_in(fields))->count.count++;
    pthread_mutex_unlock(&lock);
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
