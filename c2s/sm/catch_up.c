/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Bringing sessions up to date from the tables. A session that is *behind* gets nothing live: what
 * is stored for it meanwhile is read behind the rest, so that nothing overtakes anything.
 *
 * The account is held while a batch is read and written, so whoever has read less than a batch, and
 * has written all of it, is up to date.
 */
#include <string.h>

#include "c2s/sm/archive.h"
#include "c2s/sm/delivery.h"
#include "c2s/sm/offline.h"
#include "c2s/sm/smacks.h"
#include "c2s/sm/stanza_id.h"
#include "common/xmpp/datetime.h"

#define BATCH 100

/* $2: what the session has been sent; $3: it gets what came after this even if another device has
 * acknowledged it. In two parts, so that both are short walks along a key; what has been emptied in
 * `pending` counts. */
static const struct db_statement read_statement = {
    .name = "offline_read",
    .sql = "SELECT m.seq, m.stanza, (extract(epoch FROM m.received) * 1000000)::bigint,"
           " w.resource, m.archived FROM (SELECT seq, min(resource) AS resource FROM"
           " ((SELECT seq, resource FROM pending WHERE owner = $1::bigint AND seq > $2::bigint"
           " ORDER BY seq LIMIT $4::bigint) UNION ALL"
           " (SELECT seq, resource FROM message WHERE owner = $1::bigint"
           " AND seq > greatest($2::bigint, $3::bigint) AND NOT outgoing"
           " ORDER BY seq LIMIT $4::bigint)) AS found GROUP BY seq) AS w"
           " JOIN message m ON m.owner = $1::bigint AND m.seq = w.seq"
           " ORDER BY m.seq LIMIT $4::bigint",
    .parameters = 4,
};

static const struct db_statement inherit_statement = {
    .name = "offline_inherit",
    .sql = "WITH freed AS (UPDATE pending SET resource = '' WHERE owner = $1::bigint"
           " AND resource = $2 RETURNING seq)"
           " SELECT m.seq, m.stanza, (extract(epoch FROM m.received) * 1000000)::bigint"
           " FROM freed JOIN message m ON m.owner = $1::bigint AND m.seq = freed.seq"
           " ORDER BY m.seq",
    .parameters = 2,
};

static void write_stored(struct session *session, struct stanza *message, int64_t seq)
{
    session_send_stored(session, message, seq);
    if (!session_acknowledges(session))
        confirm_sent(session, seq);
}

void offline_deliver(struct session *session, struct stanza *message, int64_t seq)
{
    if (!session->behind && session_is_full(session))
        session->behind = true;
    if (!session->behind)
        write_stored(session, message, seq);
}

static void write_row(struct session *session, const struct db_result *rows, size_t row)
{
    struct account *account = session->account;
    int64_t seq = db_get_int(rows, row, 0);
    struct stanza *message = sm_parse_stanza(account->sm, db_get_text(rows, row, 1));
    char stamp[DATETIME_SIZE];

    if (message == NULL) /* a row that cannot be read harms only itself */
        return;
    datetime_format(db_get_int(rows, row, 2), stamp);
    struct element *delay =
        element_add_with_text(message->root, NS_DELAY, "delay", "Offline Storage");
    element_set(delay, "from", account->jid->domain);
    element_set(delay, "stamp", stamp);
    stanza_id_add(account, message->root, seq);
    write_stored(session, message, seq);
    stanza_unref(message);
}

/* What is for another session that is still there is left to that. */
static bool is_for(const struct session *session, const char *resource)
{
    return *resource == '\0' || strcmp(resource, session->jid->resource) == 0 ||
           account_session(session->account, resource) == NULL;
}

/* What its client has read in its archive it need not be sent again; it waits like what was sent
 * until the answer to a question proves that it has arrived. */
static void send_row(struct session *session, const struct db_result *rows, size_t row)
{
    int64_t seq = db_get_int(rows, row, 0);

    if (db_get_bool(rows, row, 4) && archive_has_shown(session, seq))
        confirm_sent(session, seq);
    else
        write_row(session, rows, row);
}

/* Writes as much as the client can take. Returns the number of rows that are done with. */
static size_t write_rows(struct session *session, const struct db_result *rows)
{
    size_t row;

    for (row = 0; row < db_rows(rows); row++) {
        if (session_is_full(session) && row > 0)
            break;
        if (is_for(session, db_get_text(rows, row, 3)))
            send_row(session, rows, row);
        session->sent_seq = MAX(session->sent_seq, db_get_int(rows, row, 0));
    }
    return row;
}

static void read_batch(struct session *session);

/* Up to date: what comes from now on comes live. */
static void finish(struct session *session)
{
    session->behind = false;
    session->caught_up = session->account->seq;
    confirm_ask(session);
}

static void on_read(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct session *session = user;

    session->reading = false;
    if (status < 0) {
        offline_try_again(account->sm);
    } else if (session_connected(session)) {
        size_t done = write_rows(session, &results[0]);
        if (done == db_rows(&results[0]) && done < BATCH)
            finish(session);
        else if (!session_is_full(session))
            read_batch(session);
        else
            confirm_ask(session);
    }
    session_unref(session);
}

static void read_batch(struct session *session)
{
    const struct db_value values[] = {DB_INT(session->account->owner), DB_INT(session->sent_seq),
                                      DB_INT(session->caught_up), DB_INT(BATCH)};

    offline_flush(session->account);
    session->reading = true;
    session_ref(session);
    sm_query(session->account, SM_READ_HELD, &read_statement, values, on_read, session);
}

void catch_up_begin(struct session *session, int64_t after)
{
    if (session->reading)
        return;
    if (!session->behind)
        session->caught_up = after;
    session->behind = true;
    read_batch(session);
}

void catch_up_writable(struct session *session)
{
    if (session->behind && !session->reading && session->client && delivery_takes_messages(session))
        read_batch(session);
}

void catch_up_restored(struct session *session)
{
    session->behind = true;
    session->caught_up = session->sent_seq;
    session->was_ready = session->presence != NULL;
}

static void writable_job(struct account *account UNUSED, struct session *session,
                         struct stanza *stanza UNUSED, int problem UNUSED)
{
    if (session_connected(session) && !session_is_full(session))
        catch_up_writable(session);
}

void catch_up_again(struct sm *sm)
{
    struct session *session;

    for (struct account *account = sm->accounts; account; account = account->hh.next) {
        ACCOUNT_SESSIONS (session, account) {
            if (session->behind && !session->reading)
                session_queue(session, writable_job, NULL, -1);
        }
    }
}

void catch_up_missed(struct account *account)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (delivery_takes_messages(session))
            catch_up_begin(session, MAX(session->sent_seq, session->caught_up));
    }
}

static int64_t lower(int64_t a, int64_t b)
{
    return a > 0 && b > 0 ? MIN(a, b) : MAX(a, b);
}

/* What its client may not have, or 0. */
static int64_t first_open(const struct session *session)
{
    return lower(lower(confirm_first(session), session->missed), smacks_first_stored(session));
}

int64_t catch_up_mark(const struct session *session)
{
    int64_t first = first_open(session);

    return first > 0 ? first - 1 : MAX(session->sent_seq, session->caught_up);
}

int64_t catch_up_end_mark(const struct session *session)
{
    bool has_all = first_open(session) == 0 && !session->behind;

    return has_all ? session->account->seq : catch_up_mark(session);
}

static void on_inherited(struct account *account, int status, const struct db_result *results,
                         void *user UNUSED)
{
    struct session *session;

    if (status != 0)
        return;
    for (size_t row = 0; row < db_rows(&results[0]); row++) {
        ACCOUNT_SESSIONS (session, account) {
            if (delivery_takes_messages(session) && !session->behind)
                write_row(session, &results[0], row);
        }
    }
}

void catch_up_inherit(struct account *account, const char *resource)
{
    const struct db_value values[] = {DB_INT(account->owner), DB_TEXT(resource)};

    sm_query(account, SM_WRITE, &inherit_statement, values, on_inherited, NULL);
}
