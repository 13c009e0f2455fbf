/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the keeper has to say to the registrar about our accounts, batch by batch, until nothing is
 * left.
 */
#include "c2s/directory/claims.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/directory/resolver.h"
#include "c2s/directory/rows.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"

/* Something may have been done to the database without us. */
#define LOOK_MS      60000
#define RETRY_MS     500
#define RETRY_CAP_MS 30000

/* In this order: a name that is to be released may be one that was never claimed. */
enum task {
    TASK_CLAIM,   /* accounts that have no name yet */
    TASK_RELEASE, /* names of deleted accounts */
    TASK_RENEW,   /* signed by an earlier registrar */
    TASK_RENEW_DELETED,
    TASKS
};

struct claims {
    struct directory *directory;
    struct timer *timer;
    enum task task;
    bool busy;  /* a batch is on its way */
    bool again; /* kicked meanwhile */
    bool idle;
    unsigned attempt;
    char *jids[DIRECTORY_BATCH];
    int64_t numbers[DIRECTORY_BATCH]; /* TASK_CLAIM: their owners; renewing: their serials */
    size_t count;
    int64_t after;                  /* renewing: the serial up to which all has been asked for */
    uint8_t key[GRANT_KEY_ID_SIZE]; /* of the registrar, when this round began */
    bool renewed;                   /* nothing is left that is signed by another key than: */
    uint8_t renewed_key[GRANT_KEY_ID_SIZE];
};

#define BATCH_TEXT "100"

/* Columns: the name, and a number. */
static const struct db_statement statements[TASKS] = {
    [TASK_CLAIM] = {"directory_unclaimed",
                    "SELECT local || '@' || domain, owner FROM account"
                    " WHERE granted = 0 AND domain = $1 ORDER BY owner LIMIT " BATCH_TEXT,
                    1},
    [TASK_RELEASE] = {"directory_releasing",
                      "SELECT jid, 0 FROM directory WHERE releasing AND home = $1"
                      " ORDER BY jid_hash LIMIT " BATCH_TEXT,
                      1},
    [TASK_RENEW] = {"directory_renew",
                    "SELECT jid, serial FROM directory WHERE home = $1 AND key_id <> $2::bytea"
                    " AND serial > $3::bigint AND NOT deleted ORDER BY serial LIMIT " BATCH_TEXT,
                    3},
    [TASK_RENEW_DELETED] = {"directory_renew_deleted",
                            "SELECT jid, serial FROM directory WHERE home = $1"
                            " AND key_id <> $2::bytea AND serial > $3::bigint AND deleted"
                            " ORDER BY serial LIMIT " BATCH_TEXT,
                            3},
};

static const struct db_statement mark_granted = {
    .name = "account_granted",
    .sql = "UPDATE account SET granted = $2::bigint WHERE owner = $1::bigint",
    .parameters = 2,
};

static void next_batch(struct claims *claims);

static void forget_batch(struct claims *claims)
{
    for (size_t i = 0; i < claims->count; i++)
        free(claims->jids[i]);
    claims->count = 0;
}

static void pause_for(struct claims *claims, uint64_t ms)
{
    claims->busy = false;
    if (!claims->directory->ended)
        timer_start(claims->timer, claims->again ? 0 : ms, 0);
    claims->again = false;
}

static void failed(struct claims *claims)
{
    forget_batch(claims);
    pause_for(claims, backoff_ms(claims->attempt++, RETRY_MS, RETRY_CAP_MS));
}

static void on_stored(void *user, int status, const struct db_result *results, size_t count)
{
    struct claims *claims = user;

    (void)results;
    (void)count;
    if (status != 0) {
        failed(claims);
        return;
    }
    claims->attempt = 0;
    forget_batch(claims);
    next_batch(claims);
}

/* Two accounts of one name, from before the node joined: an administrator has to rename one. The
 * other home has it, so ours is not reached by anybody. */
static void report_conflict(const struct claims *claims, const char *jid, const struct named *named)
{
    if (claims->task == TASK_CLAIM)
        log_error("directory_conflict", LOG_TEXT("jid", jid),
                  LOG_TEXT("reason", named->naming == NAMING_TAKEN ? "another home has this name"
                                                                   : "the name is reserved"));
    else
        log_error("directory_disowned", LOG_TEXT("jid", jid));
}

static const struct db_statement mark_kept = {
    .name = "directory_kept",
    .sql = "UPDATE directory SET releasing = false WHERE jid_hash = $1::bytea",
    .parameters = 1,
};

static void store(struct claims *claims, struct db_unit *unit, size_t at, const struct named *named)
{
    bool granted = named->naming == NAMING_GRANTED;
    uint8_t hash[GRANT_HASH_SIZE];

    if (granted)
        rows_add_own(unit, &named->grant);
    else
        report_conflict(claims, claims->jids[at], named);
    if (claims->task == TASK_CLAIM) {
        db_unit_add_values(unit, &mark_granted, DB_INT(claims->numbers[at]),
                           DB_INT(granted ? named->grant.version : -1));
    } else if (claims->task == TASK_RELEASE) {
        grant_hash(claims->jids[at], hash);
        db_unit_add_values(unit, &mark_kept, DB_BYTES(hash, sizeof(hash)));
    }
    resolver_forget(claims->directory, claims->jids[at]);
}

static void on_named(void *user, int status, const struct named *named, size_t count)
{
    struct claims *claims = user;
    struct directory *directory = claims->directory;

    if (status != 0 || directory->ended) {
        failed(claims);
        return;
    }
    struct db_unit *unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    for (size_t i = 0; i < count; i++)
        store(claims, unit, i, &named[i]);
    db_submit(unit, on_stored, claims);
    publish_changed(directory);
}

static void on_batch(void *user, int status, const struct db_result *results, size_t count)
{
    struct claims *claims = user;

    (void)count;
    if (status != 0 || claims->directory->ended || claims->directory->network == NULL) {
        failed(claims);
        return;
    }
    claims->count = MIN(db_rows(&results[0]), DIRECTORY_BATCH);
    for (size_t i = 0; i < claims->count; i++) {
        claims->jids[i] = xstrdup(db_get_text(&results[0], i, 0));
        claims->numbers[i] = claims->after = db_get_int(&results[0], i, 1);
    }
    if (claims->count == 0) {
        claims->task++;
        claims->after = 0;
        next_batch(claims);
        return;
    }
    const struct names names = {
        .release = claims->task == TASK_RELEASE || claims->task == TASK_RENEW_DELETED,
        .jids = (const char *const *)claims->jids,
        .count = claims->count,
    };
    claims_ask(claims->directory, &names, on_named, claims);
}

/* Looking for what another key has signed reads all of our entries, so once for a key is enough. */
static void skip_what_is_renewed(struct claims *claims)
{
    bool same = claims->renewed && memcmp(claims->renewed_key, claims->key, GRANT_KEY_ID_SIZE) == 0;

    if (claims->task == TASK_RENEW && same)
        claims->task = TASKS;
    if (claims->task == TASKS) {
        claims->renewed = true;
        memcpy(claims->renewed_key, claims->key, GRANT_KEY_ID_SIZE);
    }
}

static void begin_round(struct claims *claims, const uint8_t key[GRANT_KEY_ID_SIZE])
{
    memcpy(claims->key, key, GRANT_KEY_ID_SIZE);
    claims->task = TASK_CLAIM;
    claims->after = 0;
}

static void next_batch(struct claims *claims)
{
    struct directory *directory = claims->directory;
    uint8_t key[GRANT_KEY_ID_SIZE];

    if (directory->ended || directory->network == NULL || !directory_is_keeper(directory)) {
        pause_for(claims, LOOK_MS);
        return;
    }
    grant_key_id(directory->network->registrar->member->signing_key, key);
    if (memcmp(key, claims->key, sizeof(key)) != 0)
        begin_round(claims, key); /* there is another registrar */
    skip_what_is_renewed(claims);
    if (claims->task == TASKS) {
        claims->idle = !claims->again;
        pause_for(claims, LOOK_MS);
        return;
    }
    const struct db_value values[] = {
        DB_TEXT(claims->task == TASK_CLAIM ? directory->domain : directory->home),
        DB_BYTES(key, sizeof(key)), DB_INT(claims->after)};
    db_query(directory->settings.db, ROWS_AFFINITY, &statements[claims->task], values, on_batch,
             claims);
}

static void begin(void *user)
{
    struct claims *claims = user;

    claims->busy = true;
    claims->task = TASK_CLAIM;
    claims->after = 0;
    next_batch(claims);
}

struct claims *claims_new(struct directory *directory)
{
    struct claims *claims = xcalloc(1, sizeof(*claims));

    claims->directory = directory;
    claims->timer = timer_new(directory->settings.loop, begin, claims);
    return claims;
}

void claims_free(struct claims *claims)
{
    forget_batch(claims);
    timer_close(claims->timer);
    free(claims);
}

void claims_kick(struct claims *claims)
{
    claims->idle = false;
    claims->again = claims->busy;
    if (!claims->busy && claims->directory->network && !claims->directory->ended)
        timer_start(claims->timer, 0, 0);
}

bool claims_idle(const struct claims *claims)
{
    return claims->idle;
}
