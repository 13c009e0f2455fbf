/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offline messages (XEP-0160): what no device of the account has acknowledged waits in the table
 * `pending`, up to a limit, and is sent to the devices that become available with a priority of 0
 * or more. Each device has a mark: what was stored behind it is sent to this device even if another
 * one has it.
 */
#include "c2s/sm/offline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/delivery.h"
#include "common/base/clock.h"
#include "common/base/fault_point.h"
#include "common/xmpp/datetime.h"

/* Acknowledgements are written behind: when so many have come, or after so long. */
#define BEHIND_COUNT 64
#define BEHIND_MS    100
#define RETRY_MS     1000
/* Of one account; beyond it the one that was here last longest ago is forgotten. */
#define DEVICES_MAX 32

static const struct db_statement load_statement = {
    .name = "offline_load",
    .sql = "SELECT w.count, w.size, d.device, d.mark FROM"
           " (SELECT count(*), coalesce(sum(size), 0)::bigint AS size FROM pending"
           " WHERE owner = $1::bigint) AS w"
           " LEFT JOIN device d ON d.owner = $1::bigint ORDER BY d.seen",
    .parameters = 1,
};

/* $2: as PostgreSQL writes arrays. */
static const struct db_statement delete_statement = {
    .name = "offline_delete",
    .sql = "WITH gone AS (DELETE FROM pending WHERE owner = $1::bigint"
           " AND seq = ANY ($2::bigint[]) RETURNING size)"
           " SELECT count(*), coalesce(sum(size), 0)::bigint FROM gone",
    .parameters = 2,
};

static const struct db_statement mark_statement = {
    .name = "offline_mark",
    .sql = "INSERT INTO device (owner, device, mark, seen)"
           " VALUES ($1::bigint, $2, $3::bigint, $4::timestamptz) ON CONFLICT (owner, device)"
           " DO UPDATE SET mark = greatest(device.mark, excluded.mark), seen = excluded.seen",
    .parameters = 4,
};

static const struct db_statement forget_statement = {
    .name = "offline_forget_device",
    .sql = "DELETE FROM device WHERE owner = $1::bigint AND device = $2",
    .parameters = 2,
};

struct device {
    char *name;
    int64_t mark;
    struct device *prev, *next;
};

/* One of each account in memory. */
struct offline {
    struct account *account;
    size_t count, size;     /* of `pending` */
    struct device *devices; /* the one seen last at the end */
    size_t devices_count;
    int64_t *gone; /* acknowledged, but still in the table */
    size_t gone_count;
    unsigned writing; /* units behind, not answered yet */
    bool listed;
    struct offline *prev, *next; /* sm->offline->listed */
};

struct offline_state {
    struct timer *timer, *retry;
    struct offline *listed; /* have something to write */
};

/* --- what waits --- */

bool offline_is_full(const struct account *account)
{
    const struct sm_limits *limits = &account->sm->limits;
    const struct offline *offline = account->offline;

    return offline &&
           (offline->count >= limits->offline_messages || offline->size >= limits->offline_bytes);
}

void offline_stored(struct account *account, size_t size)
{
    if (account->offline) {
        account->offline->count++;
        account->offline->size += size;
    }
}

static void forget(struct account *account, size_t count, size_t size)
{
    struct offline *offline = account->offline;

    if (offline) {
        offline->count -= MIN(count, offline->count);
        offline->size -= MIN(size, offline->size);
    }
}

void offline_not_stored(struct account *account, size_t size)
{
    forget(account, 1, size);
}

void offline_expired(struct account *account, size_t count, size_t size)
{
    forget(account, count, size);
}

/* --- devices --- */

static struct device *find_device(const struct offline *offline, const char *name)
{
    struct device *device;

    DL_FOREACH (offline->devices, device) {
        if (strcmp(device->name, name) == 0)
            return device;
    }
    return NULL;
}

static void remove_device(struct offline *offline, struct device *device)
{
    DL_DELETE(offline->devices, device);
    offline->devices_count--;
    free(device->name);
    free(device);
}

static struct device *add_device(struct offline *offline, const char *name, int64_t mark)
{
    struct device *device = xcalloc(1, sizeof(*device));

    device->name = xstrdup(name);
    device->mark = mark;
    DL_APPEND(offline->devices, device);
    offline->devices_count++;
    return device;
}

int64_t offline_mark(const struct session *session)
{
    const struct offline *offline = session->account->offline;
    const struct device *device =
        offline && session->device ? find_device(offline, session->device) : NULL;

    return device ? device->mark : -1;
}

static void forget_oldest(struct sm_unit *unit, struct account *account)
{
    struct device *oldest = account->offline->devices;

    if (account->offline->devices_count <= DEVICES_MAX)
        return;
    sm_add_values(unit, &forget_statement, DB_INT(account->owner), DB_TEXT(oldest->name));
    remove_device(account->offline, oldest);
}

/* A device that comes back later gets what is stored behind the mark. */
static void add_mark(struct sm_unit *unit, struct session *session, int64_t mark)
{
    struct account *account = session->account;
    struct offline *offline = account->offline;
    struct device *device = find_device(offline, session->device);
    char now[DATETIME_SIZE];

    if (device && device->mark >= mark)
        return;
    if (device)
        remove_device(offline, device);
    add_device(offline, session->device, mark);
    datetime_format(clock_wall_us(), now);
    sm_add_values(unit, &mark_statement, DB_INT(account->owner), DB_TEXT(session->device),
                  DB_INT(mark), DB_TEXT(now));
    forget_oldest(unit, account);
}

/* --- acknowledgements --- */

static void list(struct offline *offline)
{
    struct offline_state *state = offline->account->sm->offline;

    if (offline->listed)
        return;
    if (!state->listed)
        timer_start(state->timer, BEHIND_MS, 0);
    DL_APPEND(state->listed, offline);
    offline->listed = true;
}

static void on_deleted(struct account *account, int status, const struct db_result *results,
                       void *user UNUSED)
{
    struct offline *offline = account->offline;

    if (status == 0 && db_rows(&results[0]) > 0)
        forget(account, (size_t)db_get_int(&results[0], 0, 0),
               (size_t)db_get_int(&results[0], 0, 1));
    if (!offline || offline->writing == 0) /* it was read again meanwhile */
        return;
    offline->writing--;
    if (offline->gone_count > 0)
        list(offline);
}

static void unlist(struct offline *offline)
{
    if (offline->listed)
        DL_DELETE(offline->account->sm->offline->listed, offline);
    offline->listed = false;
}

static void add_delete(struct sm_unit *unit, struct offline *offline)
{
    struct buffer array = {0};

    for (size_t i = 0; i < offline->gone_count; i++)
        buffer_printf(&array, "%c%" PRId64, i == 0 ? '{' : ',', offline->gone[i]);
    buffer_append_char(&array, '}');
    sm_add_values(unit, &delete_statement, DB_INT(offline->account->owner), DB_TEXT(array.data));
    buffer_fini(&array);
    offline->gone_count = 0;
}

/* The marks go along, so that a device that comes back after our death is not sent all that it has
 * got since it came. Repeated until the outcome is known: the client will not say it again. */
static void write_gone(struct offline *offline)
{
    struct account *account = offline->account;
    struct session *session;
    struct sm_unit *unit;

    unlist(offline);
    if (offline->gone_count == 0)
        return;
    unit = sm_unit_new(account, SM_WRITE_BEHIND);
    sm_unit_repeat(unit);
    add_delete(unit, offline);
    ACCOUNT_SESSIONS (session, account) {
        if (session->device && session->was_ready)
            add_mark(unit, session, catch_up_mark(session));
    }
    offline->writing++;
    sm_submit(unit, on_deleted, NULL);
    FAULT_POINT_WRITTEN(cursor_sent);
}

/* One at a time: a database that is slow gets fewer and larger ones. */
static void write_behind(struct offline *offline)
{
    unlist(offline);
    if (offline->writing == 0)
        write_gone(offline);
}

static void on_timer(void *user)
{
    struct sm *sm = user;

    while (sm->offline->listed)
        write_behind(sm->offline->listed);
}

void offline_flush(struct account *account)
{
    if (account->offline)
        write_gone(account->offline);
}

static void on_retry(void *user)
{
    catch_up_again(user);
}

void offline_try_again(struct sm *sm)
{
    if (!sm->stopped && !timer_active(sm->offline->retry))
        timer_start(sm->offline->retry, RETRY_MS, 0);
}

void offline_acknowledged(struct session *session, const int64_t *seqs, size_t count)
{
    struct offline *offline = session->account->offline;

    FAULT_POINT(delivered_before_cursor);
    if (!offline)
        return;
    offline->gone = xrealloc(offline->gone, (offline->gone_count + count) * sizeof(*seqs));
    memcpy(offline->gone + offline->gone_count, seqs, count * sizeof(*seqs));
    offline->gone_count += count;
    if (offline->gone_count >= BEHIND_COUNT)
        write_behind(offline);
    else
        list(offline);
}

/* --- hooks --- */

/* What another device has acknowledged is sent to one that was here before, as far back as the
 * limit of what may wait. */
static void session_ready(struct session *session, bool initial)
{
    struct account *account = session->account;
    int64_t mark = initial ? offline_mark(session) : -1;
    int64_t limit = account->seq - (int64_t)account->sm->limits.offline_messages;

    if (session->priority < 0 || !account->offline)
        return;
    session->was_ready = true;
    if (mark < 0)
        catch_up_begin(session, account->seq);
    else
        catch_up_begin(session, MAX(mark, limit));
}

static void unacknowledged(struct session *session, const int64_t *seqs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        session->missed = session->missed > 0 ? MIN(session->missed, seqs[i]) : seqs[i];
}

/* Nothing is on its way to it any more: it has all that there is. */
static void write_mark(struct session *session)
{
    struct sm_unit *unit = sm_unit_new(session->account, SM_WRITE_BEHIND);

    add_mark(unit, session, catch_up_end_mark(session));
    sm_submit(unit, NULL, NULL);
}

static void session_closed_hook(struct session *session)
{
    struct account *account = session->account;

    if (!account->offline || account->state != ACCOUNT_READY)
        return;
    if (session->device && session->was_ready)
        write_mark(session);
    write_gone(account->offline);
    if (session->has_own)
        catch_up_inherit(account, session->jid->resource);
}

static void loaded(struct account *account, const struct db_result *rows)
{
    struct offline *offline = xcalloc(1, sizeof(*offline));

    offline->account = account;
    for (size_t row = 0; row < db_rows(rows); row++) {
        offline->count = (size_t)db_get_int(rows, row, 0);
        offline->size = (size_t)db_get_int(rows, row, 1);
        if (!db_is_null(rows, row, 2))
            add_device(offline, db_get_text(rows, row, 2), db_get_int(rows, row, 3));
    }
    account->offline = offline;
}

static void unload(struct account *account)
{
    struct offline *offline = account->offline;

    if (account->state == ACCOUNT_LOADING) /* it is read again, and there is still who wrote */
        write_gone(offline);
    unlist(offline);
    while (offline->devices)
        remove_device(offline, offline->devices);
    free(offline->gone);
    free(offline);
    account->offline = NULL;
}

static void start(struct sm *sm)
{
    sm->offline = xcalloc(1, sizeof(*sm->offline));
    sm->offline->timer = timer_new(sm->loop, on_timer, sm);
    sm->offline->retry = timer_new(sm->loop, on_retry, sm);
}

static void stop(struct sm *sm)
{
    timer_close(sm->offline->timer);
    timer_close(sm->offline->retry);
    free(sm->offline);
}

static const char *const features[] = {"msgoffline", NULL};
static const struct spec specs[] = {
    {"XEP-0160", "1.0.1", NULL}, {"XEP-0203", "2.0", "for offline messages"}, {0}};

const struct sm_module offline_module = {
    .name = "offline",
    .specs = specs,
    .server_features = features,
    .start = start,
    .stop = stop,
    .load = &load_statement,
    .loaded = loaded,
    .unload = unload,
    .session_closed = session_closed_hook,
    .session_ready = session_ready,
    .session_writable = catch_up_writable,
    .acknowledged = offline_acknowledged,
    .unacknowledged = unacknowledged,
};
