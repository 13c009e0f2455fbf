/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tables. Keys begin with the room; no triggers, sequences or foreign keys. JIDs may be longer
 * than an index entry: keys hold their SHA-256.
 */
#include "muc/schema.h"

#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#define RETRY_MS 1000

static const struct db_statement steps[] = {
    {"muc_step_1",
     "CREATE TABLE IF NOT EXISTS room ("
     " room bigint PRIMARY KEY,"
     " local text NOT NULL UNIQUE,"
     " created timestamptz NOT NULL,"
     " creator text NOT NULL,"
     " salt text NOT NULL,"
     " locked boolean NOT NULL,"
     " subject text)",
     0},
    {"muc_step_2",
     "CREATE TABLE IF NOT EXISTS room_option ("
     " room bigint NOT NULL,"
     " name text NOT NULL,"
     " value text NOT NULL,"
     " PRIMARY KEY (room, name))",
     0},
    {"muc_step_3",
     "CREATE TABLE IF NOT EXISTS affiliation ("
     " room bigint NOT NULL,"
     " jid_hash bytea NOT NULL,"
     " jid text NOT NULL,"
     " affiliation text NOT NULL,"
     " nick text,"
     " reason text,"
     " PRIMARY KEY (room, jid_hash))",
     0},
    {"muc_step_4",
     "CREATE TABLE IF NOT EXISTS session ("
     " room bigint NOT NULL,"
     " jid_hash bytea NOT NULL,"
     " jid text NOT NULL,"
     " nick text NOT NULL,"
     " role text NOT NULL,"
     " presence text NOT NULL,"
     " joined bigint NOT NULL,"
     " PRIMARY KEY (room, jid_hash))",
     0},
    {"muc_step_5",
     "CREATE TABLE IF NOT EXISTS message ("
     " room bigint NOT NULL,"
     " seq bigint NOT NULL,"
     " stanza_id text NOT NULL,"
     " said timestamptz NOT NULL,"
     " nick text,"
     " sender text,"
     " occupant_id text,"
     " message_id text,"
     " content text NOT NULL,"
     " PRIMARY KEY (room, seq))",
     0},
    {"muc_step_6",
     "CREATE UNIQUE INDEX IF NOT EXISTS message_stanza_id ON message (room, stanza_id)", 0},
    {"muc_step_7",
     "CREATE TABLE IF NOT EXISTS taken ("
     " id_hash bytea PRIMARY KEY,"
     " room bigint NOT NULL,"
     " seq bigint NOT NULL,"
     " taken timestamptz NOT NULL)",
     0},
    {"muc_step_8",
     "ALTER TABLE message ADD COLUMN IF NOT EXISTS archived boolean NOT NULL DEFAULT true,"
     " ADD COLUMN IF NOT EXISTS retracted text",
     0},
    {"muc_step_9", "CREATE INDEX IF NOT EXISTS message_said ON message (room, said, seq)", 0},
    {"muc_step_10", "ALTER TABLE room ADD COLUMN IF NOT EXISTS last bigint NOT NULL DEFAULT 0", 0},
    {"muc_step_11",
     "CREATE TABLE IF NOT EXISTS vcard ("
     " room bigint PRIMARY KEY,"
     " content text NOT NULL,"
     " photos text NOT NULL)",
     0},
    {"muc_step_12",
     "CREATE TABLE IF NOT EXISTS hat ("
     " room bigint NOT NULL,"
     " jid_hash bytea NOT NULL,"
     " uri_hash bytea NOT NULL,"
     " jid text NOT NULL,"
     " uri text NOT NULL,"
     " title text,"
     " hue text,"
     " PRIMARY KEY (room, uri_hash, jid_hash))",
     0},
    {"muc_step_13",
     "ALTER TABLE message ADD COLUMN IF NOT EXISTS pending boolean NOT NULL DEFAULT false", 0},
    {"muc_step_14", "CREATE INDEX IF NOT EXISTS message_pending ON message (room) WHERE pending",
     0},
    {"muc_step_15",
     "CREATE TABLE IF NOT EXISTS note ("
     " room bigint NOT NULL,"
     " seq bigint NOT NULL,"
     " recipients text NOT NULL,"
     " content text NOT NULL,"
     " undelivered text,"
     " PRIMARY KEY (room, seq))",
     0},
    /* The order in which rooms are listed, whatever the locale of the database. */
    {"muc_step_16", "CREATE INDEX IF NOT EXISTS room_by_bytes ON room (local COLLATE \"C\")", 0},
    {"muc_step_17",
     "CREATE TABLE IF NOT EXISTS kept_role ("
     " room bigint NOT NULL,"
     " jid_hash bytea NOT NULL,"
     " jid text NOT NULL,"
     " role text NOT NULL,"
     " PRIMARY KEY (room, jid_hash))",
     0},
};

static const struct db_statement create = {
    "muc_schema_create",
    "CREATE TABLE IF NOT EXISTS schema_version (name text PRIMARY KEY, version bigint NOT NULL)",
    0};
static const struct db_statement begin = {
    "muc_schema_begin",
    "INSERT INTO schema_version (name, version) VALUES ('muc', 0) ON CONFLICT DO NOTHING", 0};
static const struct db_statement current = {
    "muc_schema_current", "SELECT version FROM schema_version WHERE name = 'muc' FOR UPDATE", 0};
static const struct db_statement advance = {
    "muc_schema_advance", "UPDATE schema_version SET version = $1 WHERE name = 'muc'", 1};

int64_t schema_rooms_version(void)
{
    return (int64_t)ARRAY_SIZE(steps);
}

struct schema_work {
    struct muc *muc;
    void (*done)(struct muc *muc);
    struct timer *timer; /* before it is tried again */
    struct db_unit *unit;
    int64_t version; /* -1: not known */
};

static void go_on(struct schema_work *work);

static void failed(struct schema_work *work, int status)
{
    if (status == ERR_CANCELLED)
        return;
    log_error("muc_schema_failed", LOG_INT("step", work->version + 1), LOG_ERROR(status),
              LOG_TEXT("text", db_problem(work->muc->db)));
    timer_start(work->timer, RETRY_MS, 0);
}

static void on_step(void *user, int status, const struct db_result *results UNUSED,
                    size_t count UNUSED)
{
    struct schema_work *work = user;

    work->unit = NULL;
    if (status < 0) {
        failed(work, status);
        return;
    }
    work->version++;
    go_on(work);
}

static void on_version(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct schema_work *work = user;

    work->unit = NULL;
    if (status < 0) {
        failed(work, status);
        return;
    }
    work->version = db_get_int(&results[1], 0, 0);
    go_on(work);
}

static void ask_version(struct schema_work *work)
{
    struct db_unit *unit = db_unit_new(work->muc->db, 0);

    db_unit_add(unit, &begin, NULL);
    db_unit_add(unit, &current, NULL);
    work->unit = db_submit(unit, on_version, work);
}

static void on_created(void *user, int status, const struct db_result *results UNUSED,
                       size_t count UNUSED)
{
    struct schema_work *work = user;

    work->unit = NULL;
    if (status < 0)
        failed(work, status);
    else
        ask_version(work);
}

static void on_done(void *user)
{
    struct schema_work *work = user;

    work->done(work->muc);
}

static void go_on(struct schema_work *work)
{
    if (work->version < 0) {
        work->unit = db_query(work->muc->db, 0, &create, NULL, on_created, work);
    } else if (work->version < (int64_t)ARRAY_SIZE(steps)) {
        struct db_unit *unit = db_unit_new(work->muc->db, 0);

        db_unit_add(unit, &steps[work->version], NULL);
        db_unit_add_values(unit, &advance, DB_INT(work->version + 1));
        work->unit = db_submit(unit, on_step, work);
    } else {
        on_done(work);
    }
}

static void on_timer(void *user)
{
    go_on(user);
}

struct schema_work *schema_begin(struct muc *muc, void (*done)(struct muc *muc))
{
    struct schema_work *work = xcalloc(1, sizeof(*work));

    *work = (struct schema_work){
        .muc = muc, .done = done, .timer = timer_new(muc->loop, on_timer, work), .version = -1};
    go_on(work);
    return work;
}

void schema_end(struct schema_work *work)
{
    if (work == NULL)
        return;
    db_cancel(work->unit);
    timer_close(work->timer);
    free(work);
}
