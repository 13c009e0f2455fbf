/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing and reading rows of the table `session`. What nobody waits for is collected for a moment;
 * one write of a session is on its way at a time, and it says everything.
 */
#include "c2s/sm/smacks_row.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/csi.h"
#include "c2s/sm/offline.h"
#include "c2s/sm/presence.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

#define COLLECT_MS 100
/* For so long a session that has expired can still be told its h. */
#define PAST_US (INT64_C(24) * 3600 * 1000000)

static const struct db_statement insert_statement = {
    .name = "session_insert",
    .sql = "INSERT INTO session (owner, session_id, slot, resume_hash, resume_ms, resource, device,"
           " worker) VALUES ($1::bigint, $2, $3::bigint, $4, $5::bigint, $6, $7, $8)",
    .parameters = 8,
};

/* Units of two slots may be committed in another order than they were written. Modulo 2^32. */
#define RISES "(($3::bigint - h_in) & 4294967295) < 2147483648"

/* What is before it in its group may fail by itself: then its error has to be told first. */
#define HAS_ALL(before)                                                                            \
    "(" before "::bigint IS NULL OR ((h_in - " before "::bigint) & 4294967295) < 2147483648)"

static const struct db_statement save_statement = {
    .name = "session_save",
    .sql = "UPDATE session SET h_in = CASE WHEN " RISES " AND " HAS_ALL(
        "$17") " THEN $3::bigint ELSE h_in END, out_count = $4::bigint, cursor_seq = $5::bigint,"
               " presence = $6, priority = $7::bigint, directed = $8, carbons = $9::boolean,"
               " csi_inactive = $10::boolean, roster_interested = $11::boolean,"
               " blocking_interested = $12::boolean, expires = $13::timestamptz, worker = $14,"
               " roster_version = $15::bigint, blocklist_version = $16::bigint, errors = $18"
               " WHERE owner = $1::bigint AND session_id = $2 RETURNING h_in",
    .parameters = 18,
};

static const struct db_statement h_statement = {
    .name = "session_h",
    .sql = "UPDATE session SET h_in = $3::bigint WHERE owner = $1::bigint AND session_id = $2"
           " AND " RISES " AND " HAS_ALL("$4") " RETURNING h_in",
    .parameters = 4,
};

static const struct db_statement delete_statement = {
    .name = "session_delete",
    .sql = "DELETE FROM session WHERE owner = $1::bigint AND session_id = $2",
    .parameters = 2,
};

static const struct db_statement expire_statement = {
    .name = "session_expire",
    .sql = "UPDATE session SET ended = $3::timestamptz, h_in = $4::bigint, presence = NULL,"
           " directed = NULL, errors = NULL WHERE owner = $1::bigint AND session_id = $2",
    .parameters = 4,
};

static const struct db_statement purge_statement = {
    .name = "session_purge",
    .sql = "DELETE FROM session WHERE owner = $1::bigint AND ended < $2::timestamptz",
    .parameters = 2,
};

static const struct db_statement past_statement = {
    .name = "session_past",
    .sql = "SELECT h_in FROM session WHERE owner = $1::bigint AND session_id = $2"
           " AND resume_hash = $3",
    .parameters = 3,
};

const struct db_statement smacks_rows_load = {
    .name = "session_load",
    .sql = "SELECT session_id, resource, resume_hash, resume_ms, h_in, out_count, cursor_seq,"
           " presence, priority, directed, carbons, csi_inactive, roster_interested,"
           " blocking_interested, (extract(epoch FROM expires) * 1000000)::bigint, device,"
           " roster_version, blocklist_version, errors"
           " FROM session WHERE owner = $1::bigint AND ended IS NULL",
    .parameters = 1,
};

struct smacks_rows {
    struct timer *timer;
    struct smacks *listed;
};

static void add_save(struct sm_unit *unit, const struct session *session, uint32_t h,
                     struct db_value before)
{
    const struct smacks *smacks = session->smacks;
    bool available = session->presence && !session->leaving;
    char *presence = available ? sm_format(session->presence->root) : NULL;
    char *directed = session->leaving ? NULL : directed_format(session);
    char expires[DATETIME_SIZE];
    struct buffer errors = {0};

    if (smacks->expires_us)
        datetime_format(smacks->expires_us, expires);
    unacked_write_errors(&smacks->out, &errors);
    sm_add_values(unit, &save_statement, DB_INT(session->account->owner), DB_TEXT(smacks->row_id),
                  DB_INT(h), DB_INT(smacks->out.acknowledged), DB_INT(smacks->cursor),
                  DB_TEXT(presence), DB_INT(session->priority), DB_TEXT(directed),
                  DB_BOOL(session->carbons), DB_BOOL(session->csi != NULL),
                  DB_BOOL(session->roster_interested), DB_BOOL(session->blocking_interested),
                  DB_TEXT(smacks->expires_us ? expires : NULL),
                  DB_TEXT(worker_host(session->account->sm->worker)), DB_INT(session->roster.has),
                  DB_INT(session->blocklist.has), before, DB_TEXT(errors.data));
    buffer_fini(&errors);
    free(presence);
    free(directed);
}

/* h covers what else the row tells, so that must not be behind it. before: if the row has that. */
static void add_h(struct sm_unit *unit, const struct session *session, uint32_t h,
                  struct db_value before)
{
    const struct smacks *smacks = session->smacks;

    if (smacks->row_stale || smacks->row_busy || smacks->expires_us)
        add_save(unit, session, h, before);
    else
        sm_add_values(unit, &h_statement, DB_INT(session->account->owner), DB_TEXT(smacks->row_id),
                      DB_INT(h), before);
}

void smacks_row_insert(struct session *session, sm_done *done, void *user)
{
    struct account *account = session->account;
    struct smacks *smacks = session->smacks;
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);

    sm_add_values(unit, &insert_statement, DB_INT(account->owner), DB_TEXT(smacks->row_id),
                  DB_INT(account->slot), DB_BYTES(smacks->hash, sizeof(smacks->hash)),
                  DB_INT((int64_t)smacks->resume_ms), DB_TEXT(session->jid->resource),
                  DB_TEXT(session->device ? session->device : ""),
                  DB_TEXT(worker_host(account->sm->worker)));
    add_save(unit, session, settle_h(&smacks->in), DB_NULL);
    sm_submit(unit, done, user);
}

struct row_write {
    struct session *session;
    uint32_t h;
    sm_done *done;
    void *user;
};

static struct row_write *write_new(struct session *session, sm_done *done, void *user)
{
    struct row_write *write = xcalloc(1, sizeof(*write));

    *write = (struct row_write){session, settle_h(&session->smacks->in), done, user};
    session_ref(session);
    return write;
}

/* The row never says less than it did, whatever order answers come in. */
static void raise_h(struct smacks *smacks, uint32_t h)
{
    if (h - smacks->h_row <= INT32_MAX)
        smacks->h_row = h;
}

static void note_write(struct row_write *write, int status)
{
    struct smacks *smacks = write->session->smacks;

    if (!smacks)
        return;
    if (status == 0)
        raise_h(smacks, write->h);
    else
        smacks->row_stale = true;
    if (smacks->row_stale)
        smacks_row_touch(write->session);
}

static void end_write(struct row_write *write)
{
    session_unref(write->session);
    free(write);
}

static void on_saved(struct account *account, int status, const struct db_result *results,
                     void *user)
{
    struct row_write *write = user;

    note_write(write, status);
    write->done(account, status, results, write->user);
    end_write(write);
}

void smacks_row_save(struct session *session, sm_done *done, void *user)
{
    struct sm_unit *unit = sm_unit_new(session->account, SM_WRITE_COPY);
    struct row_write *write = write_new(session, done, user);

    add_save(unit, session, write->h, DB_NULL);
    session->smacks->row_stale = false;
    sm_submit(unit, on_saved, write);
}

static bool has_row(const struct session *session)
{
    return session->smacks && session->smacks->resumable &&
           session->account->state == ACCOUNT_READY;
}

void smacks_row_first(struct session *session, sm_done *done, void *user)
{
    if (has_row(session))
        smacks_row_save(session, done, user);
    else
        done(session->account, 0, NULL, user);
}

static void on_written(struct account *account UNUSED, int status,
                       const struct db_result *results UNUSED, void *user)
{
    struct row_write *write = user;
    struct smacks *smacks = write->session->smacks;

    if (smacks)
        smacks->row_busy = false;
    note_write(write, status);
    if (smacks && status == 0)
        smacks_wake(smacks);
    end_write(write);
}

static void loaded_job(struct account *account, struct session *session,
                       struct stanza *stanza UNUSED, int problem UNUSED)
{
    if (account->state == ACCOUNT_READY)
        smacks_row_touch(session);
}

/* The account could not be read again after an outage: it is when there is something to do. */
static bool is_ready(struct session *session)
{
    if (session->account->state == ACCOUNT_FAILED)
        session_queue(session, loaded_job, NULL, -1);
    return session->account->state == ACCOUNT_READY;
}

void smacks_row_write(struct session *session)
{
    struct smacks *smacks = session->smacks;
    struct row_write *write;
    struct sm_unit *unit;

    if (!smacks->resumable || !is_ready(session))
        return;
    unit = sm_unit_new(session->account, SM_WRITE_BEHIND);
    write = write_new(session, NULL, NULL);
    add_h(unit, session, write->h, DB_NULL);
    smacks->row_stale = false;
    smacks->row_busy = true;
    sm_submit(unit, on_written, write);
}

void smacks_row_store_h(struct session *session)
{
    const struct smacks *smacks = session->smacks;

    if (!smacks->row_busy && (smacks->row_stale || settle_h(&smacks->in) != smacks->h_row))
        smacks_row_write(session);
}

bool smacks_row_add_h(struct sm_unit *unit, struct session *session, struct settle_ticket *ticket,
                      unsigned lane)
{
    const struct smacks *smacks = session->smacks;
    uint32_t before;

    if (!smacks || !smacks->resumable || !settle_go(ticket, lane))
        return false;
    add_h(unit, session, settle_number(ticket),
          settle_before(ticket, &before) ? DB_INT(before) : DB_NULL);
    return true;
}

void smacks_row_has_h(struct session *session, const struct settle_ticket *ticket,
                      const struct db_result *result)
{
    if (session->smacks && settle_of(ticket) == &session->smacks->in && db_rows(result) > 0)
        raise_h(session->smacks, (uint32_t)db_get_int(result, 0, 0));
}

static void write_listed(void *user)
{
    struct sm *sm = user;
    struct smacks *smacks, *next;

    DL_FOREACH_SAFE2(sm->smacks_rows->listed, smacks, next, row_next)
    {
        smacks_row_forget(smacks);
        if (smacks->row_stale && !smacks->row_busy)
            smacks_row_write(smacks->session);
    }
}

void smacks_row_touch(struct session *session)
{
    struct smacks *smacks = session->smacks;
    struct smacks_rows *rows = session->account->sm->smacks_rows;

    if (!smacks || !smacks->resumable)
        return;
    smacks->row_stale = true;
    if (smacks->row_listed)
        return;
    smacks->row_listed = true;
    DL_APPEND2(rows->listed, smacks, row_prev, row_next);
    if (!timer_active(rows->timer))
        timer_start(rows->timer, COLLECT_MS, 0);
}

void smacks_row_forget(struct smacks *smacks)
{
    struct smacks_rows *rows = smacks->session->account->sm->smacks_rows;

    if (smacks->row_listed)
        DL_DELETE2(rows->listed, smacks, row_prev, row_next);
    smacks->row_listed = false;
}

static void delete_row(struct session *session, enum sm_access access, sm_done *done, void *user)
{
    struct sm_unit *unit = sm_unit_new(session->account, access);

    sm_add_values(unit, &delete_statement, DB_INT(session->account->owner),
                  DB_TEXT(session->smacks->row_id));
    sm_submit(unit, done, user);
}

void smacks_row_delete(struct session *session)
{
    if (has_row(session))
        delete_row(session, SM_WRITE_BEHIND, NULL, NULL);
}

void smacks_row_delete_first(struct session *session, sm_done *done, void *user)
{
    if (has_row(session))
        delete_row(session, SM_WRITE_COPY, done, user);
    else
        done(session->account, 0, NULL, user);
}

void smacks_row_expire(struct session *session)
{
    struct sm_unit *unit = sm_unit_new(session->account, SM_WRITE_BEHIND);
    const struct smacks *smacks = session->smacks;
    int64_t now_us = clock_wall_us();
    char now[DATETIME_SIZE], past[DATETIME_SIZE];

    datetime_format(now_us, now);
    datetime_format(now_us - PAST_US, past);
    sm_add_values(unit, &expire_statement, DB_INT(session->account->owner), DB_TEXT(smacks->row_id),
                  DB_TEXT(now), DB_INT(settle_h(&smacks->in)));
    sm_add_values(unit, &purge_statement, DB_INT(session->account->owner), DB_TEXT(past));
    sm_submit(unit, NULL, NULL);
}

void smacks_row_hash(const char *sm_id, uint8_t hash[SMACKS_HASH_SIZE])
{
    crypto_digest(CRYPTO_SHA256, sm_id, strlen(sm_id), hash);
}

void smacks_row_find_past(struct account *account, const char *sm_id, sm_done *done, void *user)
{
    char row_id[2 * SMACKS_ID_BYTES + 1] = "";
    uint8_t hash[SMACKS_HASH_SIZE];

    if (strlen(sm_id) >= sizeof(row_id))
        memcpy(row_id, sm_id, sizeof(row_id) - 1);
    smacks_row_hash(sm_id, hash);
    sm_query(account, SM_READ_HELD, &past_statement,
             (const struct db_value[]){DB_INT(account->owner), DB_TEXT(row_id),
                                       DB_BYTES(hash, sizeof(hash))},
             done, user);
}

void smacks_rows_start(struct sm *sm)
{
    sm->smacks_rows = xcalloc(1, sizeof(*sm->smacks_rows));
    sm->smacks_rows->timer = timer_new(sm->loop, write_listed, sm);
}

void smacks_rows_stop(struct sm *sm)
{
    timer_close(sm->smacks_rows->timer);
    free(sm->smacks_rows);
}

static bool is_here(const struct account *account, const char *row_id)
{
    const struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session->smacks && strcmp(session->smacks->row_id, row_id) == 0)
            return true;
    }
    return false;
}

static void restore_smacks(struct session *session, const struct db_result *rows, size_t row)
{
    struct smacks *smacks = smacks_new(session);
    struct buffer hash = {0};

    memcpy(smacks->row_id, db_get_text(rows, row, 0), sizeof(smacks->row_id) - 1);
    db_get_bytes(rows, row, 2, &hash);
    if (hash.length == sizeof(smacks->hash))
        memcpy(smacks->hash, hash.data, sizeof(smacks->hash));
    buffer_fini(&hash);
    smacks->enabled = smacks->wanted = smacks->resumable = smacks->restored = true;
    smacks->resume_ms = (uint64_t)db_get_int(rows, row, 3);
    smacks->h_row = smacks->in.arrived = smacks->told = (uint32_t)db_get_int(rows, row, 4);
    smacks->out.acknowledged = (uint32_t)db_get_int(rows, row, 5);
    unacked_read_errors(&smacks->out,
                        db_is_null(rows, row, 18) ? NULL : db_get_text(rows, row, 18));
    smacks->cursor = session->sent_seq = db_get_int(rows, row, 6);
    smacks->expires_us = db_get_int(rows, row, 14);
    if (smacks->expires_us == 0)
        smacks->expires_us = clock_wall_us() + (int64_t)smacks->resume_ms * 1000;
    smacks_start_expiry(smacks);
}

static void restore(struct account *account, const struct db_result *rows, size_t row)
{
    struct session *session = session_restore(account, db_get_text(rows, row, 1));

    if (!db_is_null(rows, row, 7))
        session->presence = sm_parse_stanza(account->sm, db_get_text(rows, row, 7));
    session->priority = (int)db_get_int(rows, row, 8);
    directed_restore(session, db_get_text(rows, row, 9));
    session->carbons = db_get_bool(rows, row, 10);
    csi_restore(session, db_get_bool(rows, row, 11));
    session->roster_interested = db_get_bool(rows, row, 12);
    session->blocking_interested = db_get_bool(rows, row, 13);
    pushed_set(&session->roster, db_get_int(rows, row, 16));
    pushed_set(&session->blocklist, db_get_int(rows, row, 17));
    restore_smacks(session, rows, row);
    if (*db_get_text(rows, row, 15))
        session->device = xstrdup(db_get_text(rows, row, 15));
    catch_up_restored(session);
    log_info("session_restored", LOG_TEXT("jid", session->jid->full));
}

void smacks_rows_loaded(struct account *account, const struct db_result *rows)
{
    for (size_t row = 0; row < db_rows(rows); row++) {
        if (strlen(db_get_text(rows, row, 0)) == 2 * SMACKS_ID_BYTES &&
            !is_here(account, db_get_text(rows, row, 0)))
            restore(account, rows, row);
    }
}
