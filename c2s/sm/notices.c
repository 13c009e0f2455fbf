/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Notices: what there is, who has had it.
 */
#include "c2s/sm/notices.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS 5000

const char *const notice_names[NOTICE_KINDS] = {"motd", "welcome"};

struct notices {
    struct notice all[NOTICE_KINDS];
    struct db_unit *reading;
    struct timer *retry;
    struct renewal *renewals; /* that wait for what is being read, or is to be read */
    bool again;               /* it was changed meanwhile */
};

struct renewal {
    void (*done)(void *user, size_t count);
    void *user;
    struct renewal *next;
};

static const struct db_statement read_statement = {
    .name = "notice_read",
    .sql = "SELECT kind, number, body, since::text FROM notice WHERE body <> ''",
    .parameters = 0,
};

/* One without a text is none, but its number goes on: accounts remember it. */
const struct db_statement notice_set_statement = {
    .name = "notice_set",
    .sql = "INSERT INTO notice (kind, number, body, since) VALUES ($1, 1, $2, $3::timestamptz)"
           " ON CONFLICT (kind) DO UPDATE SET body = excluded.body,"
           " since = CASE WHEN notice.body = '' THEN excluded.since ELSE notice.since END,"
           " number = CASE WHEN $4::boolean OR notice.body = '' THEN notice.number + 1"
           " ELSE notice.number END",
    .parameters = 4,
};

/* $2, $3: the numbers, 0 for what there is not; $4: since when there is a welcome. Whoever has been
 * here before it, or without it, is not welcomed later. */
static const struct db_statement due_statement = {
    .name = "notice_due",
    .sql = "WITH old AS (SELECT motd_seen, welcome_seen, created FROM account"
           " WHERE owner = $1::bigint), seen AS (UPDATE account SET"
           " motd_seen = greatest(motd_seen, $2::bigint),"
           " welcome_seen = greatest(welcome_seen, $3::bigint) WHERE owner = $1::bigint"
           " AND (motd_seen < $2::bigint OR welcome_seen < $3::bigint))"
           " SELECT motd_seen < $2::bigint, $3::bigint > 0 AND welcome_seen = 0"
           " AND created >= $4::timestamptz FROM old",
    .parameters = 4,
};

const struct notice *notices_get(const struct sm *sm, enum notice_kind kind)
{
    return &sm->notices->all[kind];
}

/* --- giving them --- */

static void send(struct account *account, const char *text)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    struct jid server;

    if (jid_make(message->arena, NULL, account->jid->domain, NULL, &server) == 0)
        stanza_set_from(message, &server);
    stanza_set_to(message, account->jid);
    element_add_with_text(message->root, NS_CLIENT, "body", text);
    sm_route_take(account->sm, message);
}

/* What was taken back meanwhile is not said. */
static void on_due(struct account *account, int status, const struct db_result *results,
                   void *user UNUSED)
{
    static const enum notice_kind order[] = {NOTICE_WELCOME, NOTICE_MOTD};

    if (status < 0 || db_rows(&results[0]) == 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        const struct notice *notice = notices_get(account->sm, order[i]);
        if (notice->number > 0 && db_get_bool(&results[0], 0, (int)order[i]))
            send(account, notice->text);
    }
}

static void offer(struct account *account)
{
    const struct notice *all = account->sm->notices->all;
    struct sm_unit *unit;

    if (all[NOTICE_MOTD].number == 0 && all[NOTICE_WELCOME].number == 0)
        return;
    unit = sm_unit_new(account, SM_WRITE_BEHIND);
    sm_add_values(unit, &due_statement, DB_INT(account->owner), DB_INT(all[NOTICE_MOTD].number),
                  DB_INT(all[NOTICE_WELCOME].number), DB_TEXT(all[NOTICE_WELCOME].since));
    sm_submit(unit, on_due, NULL);
}

static void session_ready(struct session *session, bool initial)
{
    if (initial && session->priority >= 0)
        offer(session->account);
}

static bool is_here(const struct account *account)
{
    const struct session *session;

    if (account->state != ACCOUNT_READY)
        return false;
    ACCOUNT_SESSIONS (session, account) {
        if (session_available(session) && session->priority >= 0)
            return true;
    }
    return false;
}

static size_t offer_to_all(struct sm *sm)
{
    size_t count = 0;

    for (struct account *account = sm->accounts; account; account = account->hh.next) {
        if (is_here(account)) {
            offer(account);
            count++;
        }
    }
    return count;
}

/* --- reading --- */

static void forget(struct notices *notices)
{
    for (size_t i = 0; i < NOTICE_KINDS; i++) {
        free(notices->all[i].text);
        free(notices->all[i].since);
        notices->all[i] = (struct notice){0};
    }
}

static void note(struct notices *notices, const struct db_result *rows, size_t row)
{
    for (size_t i = 0; i < NOTICE_KINDS; i++) {
        if (strcmp(notice_names[i], db_get_text(rows, row, 0)) == 0)
            notices->all[i] =
                (struct notice){db_get_int(rows, row, 1), xstrdup(db_get_text(rows, row, 2)),
                                xstrdup(db_get_text(rows, row, 3))};
    }
}

static void end_renewals(struct notices *notices, size_t count)
{
    while (notices->renewals) {
        struct renewal *renewal = notices->renewals;

        notices->renewals = renewal->next;
        renewal->done(renewal->user, count);
        free(renewal);
    }
}

static void read_all(struct sm *sm);

static void on_read(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct sm *sm = user;
    struct notices *notices = sm->notices;

    notices->reading = NULL;
    if (status < 0) {
        timer_start(notices->retry, RETRY_MS, 0);
        return;
    }
    forget(notices);
    for (size_t row = 0; row < db_rows(&results[0]); row++)
        note(notices, &results[0], row);
    if (notices->again)
        read_all(sm);
    else
        end_renewals(notices, offer_to_all(sm));
}

static void read_all(struct sm *sm)
{
    sm->notices->again = false;
    sm->notices->reading = db_read(sm->db, &read_statement, NULL, on_read, sm);
}

static void on_retry(void *user)
{
    read_all(user);
}

void notices_renew(struct sm *sm, void (*done)(void *user, size_t count), void *user)
{
    struct notices *notices = sm->notices;
    struct renewal *renewal = xcalloc(1, sizeof(*renewal));

    *renewal = (struct renewal){done, user, notices->renewals};
    notices->renewals = renewal;
    if (notices->reading) {
        notices->again = true;
        return;
    }
    timer_stop(notices->retry);
    read_all(sm);
}

/* --- life --- */

static void start(struct sm *sm)
{
    sm->notices = xcalloc(1, sizeof(*sm->notices));
    sm->notices->retry = timer_new(sm->loop, on_retry, sm);
    read_all(sm);
}

static void stop(struct sm *sm)
{
    db_cancel(sm->notices->reading);
    timer_close(sm->notices->retry);
    end_renewals(sm->notices, 0);
    forget(sm->notices);
    free(sm->notices);
}

const struct sm_module notices_module = {
    .name = "notices",
    .start = start,
    .stop = stop,
    .session_ready = session_ready,
};
