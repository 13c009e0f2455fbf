/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What is too old is removed: messages after [domain] archive-retention, with their place among
 * those that wait; and what is only there to know something that comes twice. A round walks over
 * all accounts by their names, some at a time, and looks with one statement for which of them there
 * is something to do; that is done one account after the other, in short transactions.
 *
 * Age is a matter of wall time, and a clock that has jumped must not empty the archive: a round in
 * which it has is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/slots.h"
#include "c2s/sm/offline.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/xmpp/datetime.h"

/* Accounts that are looked at together; a pause behind them. */
#define ACCOUNTS 200
#define PAUSE_MS 50
/* After an error of the database. */
#define RETRY_MS 30000
/* Rows of one table in a transaction. */
#define ROWS       "500"
#define ROWS_COUNT 500

#define DAY_US INT64_C(86400000000)
/* Those that are in no archive are known for so long when they are sent again (store_rows.c), and a
 * day longer for clocks that differ. */
#define SPARE_US (8 * DAY_US)
/* Beyond the life of an offer. */
#define TAKEN_US DAY_US
/* Sessions that have ended tell h for so long (smacks.md, A9). */
#define SESSION_US DAY_US
/* No clock that is kept in order moves so far. */
#define JUMP_US (INT64_C(3600) * 1000000)

static const struct db_statement read_statement = {
    .name = "retention_read",
    .sql = "SELECT a.domain, a.local, a.owner, a.slot,"
           " (SELECT (extract(epoch FROM m.received) * 1000000)::bigint FROM message m"
           " WHERE m.owner = a.owner ORDER BY m.received LIMIT 1),"
           " EXISTS (SELECT 1 FROM message m WHERE m.owner = a.owner AND NOT m.archived"
           " AND m.received < $4::timestamptz),"
           " EXISTS (SELECT 1 FROM taken t WHERE t.owner = a.owner AND t.taken < $5::timestamptz),"
           " EXISTS (SELECT 1 FROM session s WHERE s.owner = a.owner"
           " AND s.ended < $6::timestamptz)"
           " FROM account a WHERE (a.domain, a.local) > ($1, $2)"
           " ORDER BY a.domain, a.local LIMIT $3::bigint",
    .parameters = 6,
};

/* One row: how many messages, how many of these waited, and the size of those. */
static const struct db_statement messages_statement = {
    .name = "retention_messages",
    .sql = "WITH old AS (SELECT seq FROM message WHERE owner = $1::bigint"
           " AND received < $2::timestamptz ORDER BY received LIMIT " ROWS "),"
           " gone AS (DELETE FROM message WHERE owner = $1::bigint"
           " AND seq IN (SELECT seq FROM old) RETURNING seq),"
           " ended AS (DELETE FROM pending WHERE owner = $1::bigint"
           " AND seq IN (SELECT seq FROM old) RETURNING size)"
           " SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM ended),"
           " (SELECT coalesce(sum(size), 0)::bigint FROM ended)",
    .parameters = 2,
};

static const struct db_statement spare_statement = {
    .name = "retention_spare",
    .sql = "WITH old AS (SELECT m.seq FROM message m WHERE m.owner = $1::bigint"
           " AND NOT m.archived AND m.received < $2::timestamptz AND NOT EXISTS"
           " (SELECT 1 FROM pending p WHERE p.owner = $1::bigint AND p.seq = m.seq)"
           " ORDER BY m.received LIMIT " ROWS ")"
           " DELETE FROM message WHERE owner = $1::bigint AND seq IN (SELECT seq FROM old)",
    .parameters = 2,
};

static const struct db_statement taken_statement = {
    .name = "retention_taken",
    .sql = "DELETE FROM taken WHERE owner = $1::bigint AND id_hash IN"
           " (SELECT id_hash FROM taken WHERE owner = $1::bigint AND taken < $2::timestamptz"
           " LIMIT " ROWS ")",
    .parameters = 2,
};

static const struct db_statement session_statement = {
    .name = "retention_session",
    .sql = "DELETE FROM session WHERE owner = $1::bigint AND session_id IN"
           " (SELECT session_id FROM session WHERE owner = $1::bigint"
           " AND ended < $2::timestamptz LIMIT " ROWS ")",
    .parameters = 2,
};

enum kind { MESSAGES, SPARE, TAKEN, SESSIONS, KINDS };

static const struct db_statement *const statements[KINDS] = {
    [MESSAGES] = &messages_statement,
    [SPARE] = &spare_statement,
    [TAKEN] = &taken_statement,
    [SESSIONS] = &session_statement,
};

/* Something to do for an account. */
struct chore {
    char *bare;
    int64_t owner;
    unsigned slot;
    bool has[KINDS];
    char before[DATETIME_SIZE]; /* MESSAGES; the others are as old for everybody */
    struct chore *prev, *next;
};

struct retention {
    struct sm *sm;
    struct timer *timer;
    int64_t ahead_us; /* wall time, seen from the monotonic clock */

    /* Of a round, which began at now_us; else `active` is false. */
    bool active;
    int64_t now_us;
    char before[KINDS][DATETIME_SIZE];
    char *domain, *local; /* the last account that was looked at */
    bool last;            /* there are none behind it */
    struct chore *chores;
    struct db_unit *unit; /* on its way */
    uint64_t removed[KINDS], waited;
};

static int64_t setting_us(const struct retention *retention, const char *section,
                          const char *instance, const char *key)
{
    return 1000 * config_number(worker_config(retention->sm->worker), section, instance, key);
}

/* --- chores --- */

static void chore_free(struct retention *retention, struct chore *chore)
{
    DL_DELETE(retention->chores, chore);
    free(chore->bare);
    free(chore);
}

static void go_on(struct retention *retention);

/* Accounts that are in memory know how much waits for them. */
static size_t messages_gone(struct retention *retention, const struct chore *chore,
                            const struct db_result *result)
{
    struct account *account = account_find(retention->sm, chore->bare);
    int64_t waited = db_get_int(result, 0, 1);

    retention->waited += (uint64_t)waited;
    if (account && waited > 0)
        offline_expired(account, (size_t)waited, (size_t)db_get_int(result, 0, 2));
    return (size_t)db_get_int(result, 0, 0);
}

/* Whether that was all of it. */
static bool count_gone(struct retention *retention, const struct chore *chore, enum kind kind,
                       const struct db_result *result)
{
    size_t count = kind == MESSAGES ? messages_gone(retention, chore, result) : db_affected(result);

    retention->removed[kind] += count;
    return count < ROWS_COUNT;
}

static void on_removed(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct retention *retention = user;
    struct chore *chore = retention->chores;
    size_t at = 1; /* behind the fence */
    bool all = true;

    retention->unit = NULL;
    if (status < 0 && status != ERR_FENCED) {
        timer_start(retention->timer, RETRY_MS, 0);
        return;
    }
    for (size_t kind = 0; status == 0 && kind < KINDS; kind++) {
        if (chore->has[kind])
            all = count_gone(retention, chore, (enum kind)kind, &results[at++]) && all;
    }
    if (all)
        chore_free(retention, chore);
    go_on(retention);
}

/* A slot that was lost meanwhile is somebody else's affair. */
static void work(struct retention *retention)
{
    struct sm *sm = retention->sm;
    struct chore *chore = retention->chores;
    struct db_unit *unit = db_unit_new(sm->db, chore->slot);

    if (slots_fence(sm->slots, chore->slot, unit) < 0) {
        db_cancel(unit);
        chore_free(retention, chore);
        go_on(retention);
        return;
    }
    for (size_t kind = 0; kind < KINDS; kind++) {
        const char *before = kind == MESSAGES ? chore->before : retention->before[kind];

        if (chore->has[kind])
            db_unit_add_values(unit, statements[kind], DB_INT(chore->owner), DB_TEXT(before));
    }
    retention->unit = db_submit(unit, on_removed, retention);
}

/* --- looking --- */

/* The columns behind the name and the numbers are in the order of the kinds; of messages it is the
 * time of the oldest. */
static bool has_something(const struct retention *retention, const struct db_result *result,
                          size_t row, struct chore *chore)
{
    int64_t keep =
        setting_us(retention, "domain", db_get_text(result, row, 0), "archive-retention");

    chore->has[MESSAGES] = keep > 0 && !db_is_null(result, row, 4) &&
                           db_get_int(result, row, 4) < retention->now_us - keep;
    datetime_format(retention->now_us - keep, chore->before);
    for (int kind = SPARE; kind < KINDS; kind++)
        chore->has[kind] = db_get_bool(result, row, 4 + kind);
    return chore->has[MESSAGES] || chore->has[SPARE] || chore->has[TAKEN] || chore->has[SESSIONS];
}

static void note(struct retention *retention, const struct db_result *result, size_t row)
{
    struct chore chore = {.owner = db_get_int(result, row, 2),
                          .slot = (unsigned)db_get_int(result, row, 3)};
    struct chore *copy;

    if (!slots_owned(retention->sm->slots, chore.slot) ||
        !has_something(retention, result, row, &chore))
        return;
    chore.bare = xasprintf("%s@%s", db_get_text(result, row, 1), db_get_text(result, row, 0));
    copy = xcalloc(1, sizeof(*copy));
    *copy = chore;
    DL_APPEND(retention->chores, copy);
}

static void set_place(struct retention *retention, const char *domain, const char *local)
{
    free(retention->domain);
    free(retention->local);
    retention->domain = xstrdup(domain);
    retention->local = xstrdup(local);
}

static void on_read(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct retention *retention = user;
    size_t rows = status == 0 ? db_rows(&results[0]) : 0;

    retention->unit = NULL;
    if (status < 0) {
        timer_start(retention->timer, RETRY_MS, 0);
        return;
    }
    for (size_t row = 0; row < rows; row++)
        note(retention, &results[0], row);
    if (rows > 0)
        set_place(retention, db_get_text(&results[0], rows - 1, 0),
                  db_get_text(&results[0], rows - 1, 1));
    retention->last = rows < ACCOUNTS;
    go_on(retention);
}

static void look(struct retention *retention)
{
    const struct db_value values[] = {DB_TEXT(retention->domain),
                                      DB_TEXT(retention->local),
                                      DB_INT(ACCOUNTS),
                                      DB_TEXT(retention->before[SPARE]),
                                      DB_TEXT(retention->before[TAKEN]),
                                      DB_TEXT(retention->before[SESSIONS])};

    retention->unit = db_read(retention->sm->db, &read_statement, values, on_read, retention);
}

/* --- rounds --- */

static void wait_for_next(struct retention *retention)
{
    retention->active = false;
    timer_start(retention->timer,
                (uint64_t)setting_us(retention, "sm", NULL, "retention-interval") / 1000, 0);
}

static void end_round(struct retention *retention)
{
    const uint64_t *removed = retention->removed;

    log_info("retention_done", LOG_INT("messages", (int64_t)removed[MESSAGES]),
             LOG_INT("waited", (int64_t)retention->waited),
             LOG_INT("spare", (int64_t)removed[SPARE]), LOG_INT("taken", (int64_t)removed[TAKEN]),
             LOG_INT("sessions", (int64_t)removed[SESSIONS]));
    wait_for_next(retention);
}

static void go_on(struct retention *retention)
{
    if (retention->chores)
        work(retention);
    else if (retention->last)
        end_round(retention);
    else
        timer_start(retention->timer, PAUSE_MS, 0);
}

static int64_t ahead_us(void)
{
    return clock_wall_us() - (int64_t)clock_monotonic_ms() * 1000;
}

static bool clock_jumped(struct retention *retention)
{
    int64_t before = retention->ahead_us;

    retention->ahead_us = ahead_us();
    if (retention->ahead_us - before < JUMP_US)
        return false;
    log_warn("retention_waits", LOG_INT("seconds", (retention->ahead_us - before) / 1000000));
    return true;
}

static void begin_round(struct retention *retention)
{
    int64_t now = clock_wall_us();
    int64_t taken = setting_us(retention, "sm", NULL, "outbox-expiry") + TAKEN_US;

    retention->active = true;
    retention->now_us = now;
    retention->last = false;
    retention->waited = 0;
    memset(retention->removed, 0, sizeof(retention->removed));
    set_place(retention, "", "");
    datetime_format(now - SPARE_US, retention->before[SPARE]);
    datetime_format(now - taken, retention->before[TAKEN]);
    datetime_format(now - SESSION_US, retention->before[SESSIONS]);
}

static void on_timer(void *user)
{
    struct retention *retention = user;

    if (!retention->active && clock_jumped(retention)) {
        wait_for_next(retention);
        return;
    }
    if (!retention->active)
        begin_round(retention);
    if (retention->chores)
        work(retention);
    else
        look(retention);
}

/* --- life --- */

static void start(struct sm *sm)
{
    struct retention *retention = xcalloc(1, sizeof(*retention));

    retention->sm = sm;
    retention->ahead_us = ahead_us();
    retention->timer = timer_new(sm->loop, on_timer, retention);
    sm->retention = retention;
    wait_for_next(retention);
}

static void stop(struct sm *sm)
{
    struct retention *retention = sm->retention;

    db_cancel(retention->unit);
    timer_close(retention->timer);
    while (retention->chores)
        chore_free(retention, retention->chores);
    free(retention->domain);
    free(retention->local);
    free(retention);
}

const struct sm_module retention_module = {.name = "retention", .start = start, .stop = stop};
