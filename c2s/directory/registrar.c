/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Giving names. Two homes that ask for one name at once meet at its row: the first stays, and the
 * second reads whose it is.
 */
#include "c2s/directory/registrar.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/rows.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/xmpp/datetime.h"

struct registrar {
    struct directory *directory;
    bool open;
    struct naming_job *jobs;
};

/* Reading, then writing what has to be written, then what became of it. */
struct naming_job {
    struct registrar *registrar;
    bool release, lost;
    char *home;
    int64_t epoch; /* of that home */
    char **jids;
    size_t count;
    struct db_unit *unit;
    struct loop_task *refusal;
    registrar_named *done;
    void *user;
    struct naming_job *prev, *next;
};

static const struct db_statement read_claim = {
    .name = "claim_read",
    .sql = "SELECT " ROWS_ENTRY "number FROM claim WHERE jid_hash = $1::bytea",
    .parameters = 1,
};

/* Another worker may have heard already that we are the registrar no longer, and have handed over
 * what there was: then the row of the state says so, and nothing is written. Nor is it if our data
 * has another epoch by now than the document under which this was judged. */
#define IN_EPOCH(parameter)                                                                        \
    "EXISTS (SELECT 1 FROM home WHERE home_id = 1 AND epoch = $" parameter "::bigint FOR SHARE)"

static const struct db_statement add_claim = {
    .name = "claim_add",
    .sql = "WITH next AS (UPDATE directory_state SET last_claim = last_claim + 1 WHERE id = 1"
           " AND owned AND registrar = $9 AND " IN_EPOCH(
               "10") " RETURNING last_claim)"
                     " INSERT INTO claim (jid_hash, jid, home, version, deleted, key_id, "
                     "signature, number,"
                     " created) SELECT $1::bytea, $2, $3, $4::bigint, $5::boolean, $6::bytea, "
                     "$7::bytea,"
                     " last_claim, $8::timestamptz FROM next ON CONFLICT DO NOTHING",
    .parameters = 10,
};

/* The version that was read has to be there still. */
static const struct db_statement change_claim = {
    .name = "claim_change",
    .sql = "UPDATE claim SET version = $2::bigint, deleted = $3::boolean, key_id = $4::bytea,"
           " signature = $5::bytea, home = $9 WHERE jid_hash = $1::bytea AND version = $6::bigint"
           " AND EXISTS (SELECT 1 FROM directory_state WHERE id = 1 AND owned AND registrar = $7"
           " FOR SHARE) AND " IN_EPOCH("8"),
    .parameters = 9,
};

struct registrar *registrar_new(struct directory *directory)
{
    struct registrar *registrar = xcalloc(1, sizeof(*registrar));

    registrar->directory = directory;
    return registrar;
}

static void job_free(struct naming_job *job)
{
    DL_DELETE(job->registrar->jobs, job);
    db_cancel(job->unit);
    if (job->refusal)
        loop_defer_cancel(job->refusal);
    for (size_t i = 0; i < job->count; i++)
        free(job->jids[i]);
    free(job->jids);
    free(job->home);
    free(job);
}

void registrar_open(struct registrar *registrar, bool open)
{
    if (open && !registrar->open)
        log_info("registrar_open", LOG_TEXT("home", registrar->directory->home));
    registrar->open = open;
}

bool registrar_is_open(const struct registrar *registrar)
{
    return registrar->open && directory_is_registrar(registrar->directory);
}

static void finish(struct naming_job *job, int status, const struct named *named)
{
    registrar_named *done = job->done;
    void *user = job->user;
    size_t count = status == 0 ? job->count : 0;

    job->unit = NULL;
    job_free(job);
    done(user, status, named, count);
}

void registrar_free(struct registrar *registrar)
{
    while (registrar->jobs)
        finish(registrar->jobs, ERR_UNAVAILABLE, NULL);
    free(registrar);
}

static void add_reads(struct naming_job *job, struct db_unit *unit)
{
    uint8_t hash[GRANT_HASH_SIZE];

    for (size_t i = 0; i < job->count; i++) {
        grant_hash(job->jids[i], hash);
        db_unit_add_values(unit, &read_claim, DB_BYTES(hash, sizeof(hash)));
    }
}

/* ERR_UNAVAILABLE: what should have been written was not, because the registrar has closed. */
static int judge(const struct naming_job *job, const char *jid, const struct db_result *result,
                 struct arena *arena, struct named *named)
{
    struct grant *grant = &named->grant;
    const struct directory *directory = job->registrar->directory;
    int64_t number;

    *named = (struct named){.naming = NAMING_RESERVED};
    if (directory_shares(directory, jid))
        return 0;
    named->naming = NAMING_TAKEN;
    if (db_rows(result) == 0)
        return ERR_UNAVAILABLE;
    rows_get(result, 0, arena, grant, &number);
    if (grant->deleted && !job->release && directory_is_room(directory, jid))
        return ERR_UNAVAILABLE;
    if (strcmp(grant->home, job->home) != 0)
        return 0;
    named->naming = grant->deleted && !job->release ? NAMING_RESERVED : NAMING_GRANTED;
    if ((job->release && !grant->deleted) || !directory_is_current(directory, grant->key_id))
        return ERR_UNAVAILABLE;
    return 0;
}

static void on_written(void *user, int status, const struct db_result *results, size_t count)
{
    struct naming_job *job = user;
    struct named named[DIRECTORY_BATCH];
    struct arena *arena = arena_new();
    size_t first = count - job->count; /* the last statements are the reads */

    for (size_t i = 0; status == 0 && i < job->count; i++)
        status = judge(job, job->jids[i], &results[first + i], arena, &named[i]);
    finish(job, status == 0 ? 0 : ERR_UNAVAILABLE, named);
    arena_free(arena);
}

static void add_new(struct db_unit *unit, const struct grant *grant,
                    const struct network_home *registrar)
{
    uint8_t hash[GRANT_HASH_SIZE];
    char now[DATETIME_SIZE];

    grant_hash(grant->jid, hash);
    datetime_format(clock_wall_us(), now);
    db_unit_add_values(unit, &add_claim, DB_BYTES(hash, sizeof(hash)), DB_TEXT(grant->jid),
                       DB_TEXT(grant->home), DB_INT(grant->version), DB_BOOL(grant->deleted),
                       DB_BYTES(grant->key_id, sizeof(grant->key_id)),
                       DB_BYTES(grant->signature, sizeof(grant->signature)), DB_TEXT(now),
                       DB_TEXT(registrar->name), DB_INT((int64_t)registrar->epoch));
}

static void add_change(struct db_unit *unit, const struct grant *grant, int64_t before,
                       const struct network_home *registrar)
{
    uint8_t hash[GRANT_HASH_SIZE];

    grant_hash(grant->jid, hash);
    db_unit_add_values(unit, &change_claim, DB_BYTES(hash, sizeof(hash)), DB_INT(grant->version),
                       DB_BOOL(grant->deleted), DB_BYTES(grant->key_id, sizeof(grant->key_id)),
                       DB_BYTES(grant->signature, sizeof(grant->signature)), DB_INT(before),
                       DB_TEXT(registrar->name), DB_INT((int64_t)registrar->epoch),
                       DB_TEXT(grant->home));
}

/* A room that its home has given back, or, if that is asked for, one whose home will never give it
 * back: whoever comes first must not get what people think they know. */
static bool can_be_given_anew(const struct naming_job *job, const struct grant *grant)
{
    const struct directory *directory = job->registrar->directory;

    if (job->release || !directory_is_room(directory, grant->jid))
        return false;
    return grant->deleted || (job->lost && !network_home_by_name(directory->network, grant->home));
}

/* What has to be written for one name, if anything. A name that an account is deleted of which was
 * never claimed is reserved too: who knows what was said in its name. */
static void add_write(struct naming_job *job, struct db_unit *unit, const struct db_result *found,
                      const char *jid)
{
    struct directory *directory = job->registrar->directory;
    const struct network_home *own = directory_home(directory);
    struct arena *arena = arena_new();
    struct grant grant = {.jid = jid, .home = job->home, .version = 1, .deleted = job->release};
    int64_t number;

    if (directory_shares(directory, jid)) { /* the name of the service itself: nobody's */
        arena_free(arena);
        return;
    }
    if (db_rows(found) == 0) {
        grant_sign(&grant, directory->settings.key);
        add_new(unit, &grant, own);
    } else {
        rows_get(found, 0, arena, &grant, &number);
        int64_t before = grant.version;
        bool deletes = job->release && !grant.deleted;
        bool anew = can_be_given_anew(job, &grant);
        if (anew)
            grant.home = job->home;
        if (strcmp(grant.home, job->home) == 0 &&
            (deletes || anew || !directory_is_current(directory, grant.key_id))) {
            grant.version += deletes || anew;
            grant.deleted = (grant.deleted || deletes) && !anew;
            grant_sign(&grant, directory->settings.key);
            add_change(unit, &grant, before, own);
        }
    }
    arena_free(arena);
}

static bool is_still_asked(const struct naming_job *job)
{
    const struct directory *directory = job->registrar->directory;
    const struct network_home *home = network_home_by_name(directory->network, job->home);

    return home && (int64_t)home->epoch == job->epoch;
}

static void on_read(void *user, int status, const struct db_result *results, size_t count)
{
    struct naming_job *job = user;
    struct directory *directory = job->registrar->directory;
    struct db_unit *unit;

    (void)count;
    job->unit = NULL;
    if (status != 0 || !registrar_is_open(job->registrar) || !is_still_asked(job)) {
        finish(job, ERR_UNAVAILABLE, NULL);
        return;
    }
    unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    for (size_t i = 0; i < job->count; i++)
        add_write(job, unit, &results[i], job->jids[i]);
    add_reads(job, unit);
    job->unit = db_submit(unit, on_written, job);
}

static void refuse(void *user)
{
    struct naming_job *job = user;

    job->refusal = NULL;
    finish(job, ERR_UNAVAILABLE, NULL);
}

void registrar_name(struct directory *directory, const struct namer *namer,
                    const struct names *names, registrar_named *done, void *user)
{
    struct naming_job *job = xcalloc(1, sizeof(*job));

    job->registrar = directory->registrar;
    job->release = names->release;
    job->lost = names->lost;
    job->home = xstrdup(namer->home);
    job->epoch = namer->epoch;
    job->count = MIN(names->count, DIRECTORY_BATCH);
    job->jids = xcalloc(job->count + 1, sizeof(*job->jids));
    for (size_t i = 0; i < job->count; i++)
        job->jids[i] = xstrdup(names->jids[i]);
    job->done = done;
    job->user = user;
    DL_APPEND(directory->registrar->jobs, job);
    if (!registrar_is_open(directory->registrar) || job->count == 0) {
        job->refusal = loop_defer(directory->settings.loop, refuse, job);
        return;
    }
    struct db_unit *unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    add_reads(job, unit);
    job->unit = db_submit(unit, on_read, job);
}

/* With what is known of a name already the later grant stays. */
static const struct db_statement import_claim = {
    .name = "claim_import",
    .sql = "WITH next AS (UPDATE directory_state SET last_claim = last_claim + 1 WHERE id = 1"
           " RETURNING last_claim)"
           " INSERT INTO claim (jid_hash, jid, home, version, deleted, key_id, signature, number,"
           " created) SELECT $1::bytea, $2, $3, $4::bigint, $5::boolean, $6::bytea, $7::bytea,"
           " last_claim, $8::timestamptz FROM next ON CONFLICT (jid_hash) DO UPDATE"
           " SET home = excluded.home, version = excluded.version, deleted = excluded.deleted,"
           " key_id = excluded.key_id, signature = excluded.signature, number = excluded.number"
           " WHERE claim.version < excluded.version OR (claim.version = excluded.version"
           " AND claim.key_id <> excluded.key_id)",
    .parameters = 8,
};

void registrar_add_claim(struct db_unit *unit, const struct grant *grant)
{
    uint8_t hash[GRANT_HASH_SIZE];
    char now[DATETIME_SIZE];

    grant_hash(grant->jid, hash);
    datetime_format(clock_wall_us(), now);
    db_unit_add_values(unit, &import_claim, DB_BYTES(hash, sizeof(hash)), DB_TEXT(grant->jid),
                       DB_TEXT(grant->home), DB_INT(grant->version), DB_BOOL(grant->deleted),
                       DB_BYTES(grant->key_id, sizeof(grant->key_id)),
                       DB_BYTES(grant->signature, sizeof(grant->signature)), DB_TEXT(now));
}

struct registrar_reading {
    struct db_unit *unit;
    registrar_found *done;
    void *user;
};

static void on_found(void *user, int status, const struct db_result *results, size_t count)
{
    struct registrar_reading reading = *(struct registrar_reading *)user;
    struct arena *arena = arena_new();
    struct grant grant;
    int64_t number;
    bool found = status == 0 && db_rows(&results[0]) > 0;

    (void)count;
    free(user);
    if (found)
        rows_get(&results[0], 0, arena, &grant, &number);
    reading.done(reading.user, status == 0 ? 0 : ERR_UNAVAILABLE, found ? &grant : NULL);
    arena_free(arena);
}

struct registrar_reading *registrar_read(struct directory *directory, const char *bare,
                                         registrar_found *done, void *user)
{
    uint8_t hash[GRANT_HASH_SIZE];
    struct registrar_reading *reading;

    if (!registrar_is_open(directory->registrar))
        return NULL;
    reading = xcalloc(1, sizeof(*reading));
    reading->done = done;
    reading->user = user;
    grant_hash(bare, hash);
    const struct db_value values[] = {DB_BYTES(hash, sizeof(hash))};
    /* Not on any connection: what was granted before has to be seen. */
    reading->unit =
        db_query(directory->settings.db, ROWS_AFFINITY, &read_claim, values, on_found, reading);
    return reading;
}

void registrar_read_cancel(struct registrar_reading *reading)
{
    if (reading == NULL)
        return;
    db_cancel(reading->unit);
    free(reading);
}
