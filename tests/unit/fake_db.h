/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A database for tests of the session manager, in the place of common/db: accounts and rosters in
 * memory, answers in the turn after the question, faults on request. Other statements are recorded
 * and bring no rows. Include before anything that links common/db.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/encode.h"
#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/db/db.h"
#include "common/io/loop.h"
#include "common/tls/crypto.h"
#include "tests/unit/fake_result.h"
#include "tests/unit/unit.h"

/* roster_item, as roster_db.c writes it: owner, jid_hash, jid, name, subscription, ask, approved,
 * pending_in, pending_in_stanza, group_names, version, removed. */
struct fake_row {
    char *cells[FAKE_COLUMNS];
    bool used;
};

struct fake_account {
    const char *local;
    int64_t version, floor;
};

/* Owners are the indexes plus one. */
static struct {
    struct fake_account accounts[8];
    struct fake_row roster[FAKE_ROWS];
    int status;     /* what units end with instead of being done */
    bool late;      /* answers wait for fake_db_answer() */
    bool commit;    /* a unit that fails takes effect all the same */
    bool known;     /* what may be stored already is */
    bool h_stays;   /* rows of sessions do not get the h of a unit */
    bool doubtful;  /* a unit that fails may have taken effect before */
    unsigned units; /* submitted */
    uint64_t waiting_ms;
    struct db_unit *waiting[FAKE_ROWS];
    size_t waiting_count;
    unsigned accounts_read;
} fake_db;

struct fake_statement {
    const struct db_statement *statement;
    char *values[DB_PARAMETERS_MAX];
};

/* Of one unit. */
#define FAKE_STATEMENTS 32

struct db_unit {
    struct fake_statement statements[FAKE_STATEMENTS];
    size_t count;
    db_callback *done;
    void *user;
};

static char *fake_hex(const void *bytes, size_t length)
{
    struct buffer text = {0};

    hex_encode(&text, bytes, length);
    return buffer_take(&text);
}

static char *fake_value(const struct db_value *value)
{
    switch (value->type) {
    case DB_VALUE_NULL:
        return NULL;
    case DB_VALUE_INT:
        return xasprintf("%lld", (long long)value->number);
    case DB_VALUE_BOOL:
        return xstrdup(value->number ? "t" : "f");
    case DB_VALUE_BYTES:
        return fake_hex(value->bytes, value->length);
    default:
        return xstrndup(value->bytes, value->length);
    }
}

struct db_value db_text(const char *text)
{
    return (struct db_value){.type = text ? DB_VALUE_TEXT : DB_VALUE_NULL,
                             .bytes = text,
                             .length = text ? strlen(text) : 0};
}

struct db_unit *db_unit_new(struct db *db UNUSED, unsigned affinity UNUSED)
{
    return xcalloc(1, sizeof(struct db_unit));
}

void db_unit_repeat(struct db_unit *unit UNUSED)
{
}

bool db_unit_doubtful(const struct db_unit *unit UNUSED)
{
    return fake_db.doubtful;
}

bool db_shares_connection(const struct db *db UNUSED, unsigned a UNUSED, unsigned b UNUSED)
{
    return true;
}

void db_stop_repeating(struct db *db UNUSED)
{
}

uint64_t db_waiting_ms(const struct db *db UNUSED, unsigned affinity UNUSED)
{
    return fake_db.waiting_ms;
}

struct db_unit *db_unit_new_reading(struct db *db)
{
    return db_unit_new(db, 0);
}

void db_unit_add(struct db_unit *unit, const struct db_statement *statement,
                 const struct db_value *values)
{
    struct fake_statement *copy = &unit->statements[unit->count++];

    assert_true(unit->count < ARRAY_SIZE(unit->statements));
    copy->statement = statement;
    for (int i = 0; i < statement->parameters; i++) {
        copy->values[i] = fake_value(&values[i]);
    }
}

static void fake_add_cell(struct pg_result *result, int column, const char *text)
{
    result->cells[result->rows][column] = xstrdup_or_null(text);
}

static void fake_select_account(const struct fake_statement *statement, struct pg_result *result)
{
    fake_db.accounts_read++;
    for (size_t i = 0; i < ARRAY_SIZE(fake_db.accounts); i++) {
        const char *local = fake_db.accounts[i].local;

        if (local && strcmp(local, statement->values[1]) == 0) {
            result->cells[0][0] = xasprintf("%zu", i + 1);
            result->rows = 1;
        }
    }
}

static struct fake_account *fake_owner(const struct fake_statement *statement)
{
    return &fake_db.accounts[atol(statement->values[0]) - 1];
}

static void fake_begin_row(const struct fake_account *account, struct pg_result *result)
{
    result->cells[result->rows][0] = xasprintf("%lld", (long long)account->version);
    result->cells[result->rows][1] = xasprintf("%lld", (long long)account->floor);
}

static void fake_load_roster(const struct fake_statement *statement, struct pg_result *result)
{
    const struct fake_account *account = fake_owner(statement);

    for (size_t i = 0; i < FAKE_ROWS; i++) {
        const struct fake_row *row = &fake_db.roster[i];

        if (!row->used || strcmp(row->cells[0], statement->values[0]) != 0) {
            continue;
        }
        fake_begin_row(account, result);
        for (int column = 2; column < FAKE_COLUMNS; column++) {
            fake_add_cell(result, column, row->cells[column]);
        }
        result->rows++;
    }
    if (result->rows == 0) {
        fake_begin_row(account, result);
        result->rows = 1;
    }
}

static struct fake_row *fake_find_row(const char *owner, const char *hash)
{
    struct fake_row *empty = NULL;

    for (size_t i = 0; i < FAKE_ROWS; i++) {
        struct fake_row *row = &fake_db.roster[i];

        if (!row->used) {
            empty = empty ? empty : row;
        } else if (strcmp(row->cells[0], owner) == 0 && strcmp(row->cells[1], hash) == 0) {
            return row;
        }
    }
    return empty;
}

static void fake_clear_row(struct fake_row *row)
{
    for (int column = 0; column < FAKE_COLUMNS; column++) {
        free(row->cells[column]);
        row->cells[column] = NULL;
    }
    row->used = false;
}

static void fake_upsert_roster(const struct fake_statement *statement, struct pg_result *result)
{
    struct fake_row *row = fake_find_row(statement->values[0], statement->values[1]);

    (void)result;
    assert_non_null(row);
    fake_clear_row(row);
    for (int column = 0; column < FAKE_COLUMNS; column++) {
        row->cells[column] = xstrdup_or_null(statement->values[column]);
    }
    row->used = true;
}

static void fake_delete_roster(const struct fake_statement *statement, struct pg_result *result)
{
    (void)result;
    fake_clear_row(fake_find_row(statement->values[0], statement->values[1]));
}

static void fake_set_version(const struct fake_statement *statement, struct pg_result *result)
{
    (void)result;
    fake_owner(statement)->version = atoll(statement->values[1]);
}

static void fake_set_floor(const struct fake_statement *statement, struct pg_result *result)
{
    (void)result;
    fake_owner(statement)->floor = atoll(statement->values[1]);
}

/* The message that is known has the number 1. */
static void fake_look_for_known(const struct fake_statement *statement UNUSED,
                                struct pg_result *result)
{
    if (fake_db.known) {
        fake_add_cell(result, 0, "1");
        result->rows = 1;
    }
}

static void fake_raise_h(const struct fake_statement *statement, struct pg_result *result)
{
    if (!fake_db.h_stays) {
        fake_add_cell(result, 0, statement->values[2]);
        result->rows = 1;
    }
}

static const struct {
    const char *name;
    void (*run)(const struct fake_statement *statement, struct pg_result *result);
} fake_statements[] = {
    {"account_select", fake_select_account},
    {"roster_load", fake_load_roster},
    {"roster_upsert", fake_upsert_roster},
    {"roster_delete", fake_delete_roster},
    {"roster_version", fake_set_version},
    {"roster_floor", fake_set_floor},
    {"store_sent_known", fake_look_for_known},
    {"store_both_known", fake_look_for_known},
    {"store_received_known", fake_look_for_known},
    {"store_received_offered", fake_look_for_known},
    {"store_find", fake_look_for_known},
    {"session_h", fake_raise_h},
    {"session_save", fake_raise_h},
};

static void fake_execute(struct fake_statement *statement, struct pg_result *result)
{
    for (size_t i = 0; i < ARRAY_SIZE(fake_statements); i++) {
        if (strcmp(fake_statements[i].name, statement->statement->name) == 0) {
            fake_statements[i].run(statement, result);
        }
    }
}

static void fake_unit_free(struct db_unit *unit)
{
    for (size_t i = 0; i < unit->count; i++) {
        for (int v = 0; v < DB_PARAMETERS_MAX; v++) {
            free(unit->statements[i].values[v]);
        }
    }
    free(unit);
}

static void fake_results_free(struct pg_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t row = 0; row < FAKE_ROWS; row++) {
            for (int column = 0; column < FAKE_COLUMNS; column++) {
                free(results[i].cells[row][column]);
            }
        }
    }
    free(results);
}

static void fake_answer(void *user)
{
    struct db_unit *unit = user;
    struct pg_result *rows = xcalloc(FAKE_STATEMENTS, sizeof(*rows));
    struct db_result results[FAKE_STATEMENTS];
    int status = fake_db.status;

    for (size_t i = 0; i < unit->count; i++) {
        results[i].rows = &rows[i];
        if (status == 0 || fake_db.commit) {
            fake_execute(&unit->statements[i], &rows[i]);
        }
    }
    if (unit->done) {
        unit->done(unit->user, status, status == 0 ? results : NULL, unit->count);
    }
    fake_results_free(rows, FAKE_STATEMENTS);
    fake_unit_free(unit);
}

struct db_unit *db_submit(struct db_unit *unit, db_callback *done, void *user)
{
    unit->done = done;
    unit->user = user;
    fake_db.units++;
    if (fake_db.late) {
        assert_true(fake_db.waiting_count < FAKE_ROWS);
        fake_db.waiting[fake_db.waiting_count++] = unit;
    } else {
        loop_defer(NULL, fake_answer, unit);
    }
    return unit;
}

struct db_unit *db_query(struct db *db, unsigned affinity, const struct db_statement *statement,
                         const struct db_value *values, db_callback *done, void *user)
{
    struct db_unit *unit = db_unit_new(db, affinity);

    db_unit_add(unit, statement, values);
    return db_submit(unit, done, user);
}

struct db_unit *db_read(struct db *db, const struct db_statement *statement,
                        const struct db_value *values, db_callback *done, void *user)
{
    return db_query(db, 0, statement, values, done, user);
}

/* Whether a unit with this statement waits for its answer. */
static UNUSED bool fake_db_waits_for(const char *statement)
{
    for (size_t i = 0; i < fake_db.waiting_count; i++) {
        for (size_t j = 0; j < fake_db.waiting[i]->count; j++) {
            if (strcmp(fake_db.waiting[i]->statements[j].statement->name, statement) == 0)
                return true;
        }
    }
    return false;
}

/* The oldest unit that waits is answered. */
static UNUSED void fake_db_answer(void)
{
    struct db_unit *unit = fake_db.waiting[0];

    assert_true(fake_db.waiting_count > 0);
    fake_db.waiting_count--;
    memmove(&fake_db.waiting[0], &fake_db.waiting[1], fake_db.waiting_count * sizeof(unit));
    loop_defer(NULL, fake_answer, unit);
}

/* How often the oldest unit that waits has this statement. */
static UNUSED size_t fake_db_has(const char *name)
{
    size_t count = 0;

    assert_true(fake_db.waiting_count > 0);
    for (size_t i = 0; i < fake_db.waiting[0]->count; i++)
        count += strcmp(fake_db.waiting[0]->statements[i].statement->name, name) == 0;
    return count;
}

/* A parameter of this statement, $1 and so on, in the n-th unit that waits; "" for NULL. */
static UNUSED const char *fake_db_value(size_t n, const char *name, int parameter)
{
    const struct db_unit *unit = fake_db.waiting[n];

    assert_true(n < fake_db.waiting_count);
    for (size_t i = 0; i < unit->count; i++) {
        const char *value = unit->statements[i].values[parameter - 1];

        if (strcmp(unit->statements[i].statement->name, name) == 0)
            return value ? value : "";
    }
    fail_msg("no %s in the unit", name);
    return NULL;
}

void db_cancel(struct db_unit *unit)
{
    if (unit) {
        fake_unit_free(unit);
    }
}

static UNUSED void fake_db_reset(void)
{
    for (size_t i = 0; i < FAKE_ROWS; i++) {
        fake_clear_row(&fake_db.roster[i]);
    }
    memset(&fake_db, 0, sizeof(fake_db));
}

/* A roster row of an owner, the rest at its defaults. Flags: a(sk), p(ending in), A(pproved),
 * r(emoved). */
static UNUSED void fake_roster_row(int owner, const char *jid, const char *subscription,
                                   const char *flags)
{
    struct fake_row *row = fake_find_row("", "");
    uint8_t hash[32];

    assert_non_null(row);
    row->used = true;
    row->cells[0] = xasprintf("%d", owner);
    crypto_digest(CRYPTO_SHA256, jid, strlen(jid), hash);
    row->cells[1] = fake_hex(hash, sizeof(hash));
    row->cells[2] = xstrdup(jid);
    row->cells[4] = xstrdup(subscription);
    row->cells[5] = xstrdup(strchr(flags, 'a') ? "t" : "f");
    row->cells[6] = xstrdup(strchr(flags, 'A') ? "t" : "f");
    row->cells[7] = xstrdup(strchr(flags, 'p') ? "t" : "f");
    if (strchr(flags, 'p')) {
        row->cells[8] = xasprintf("<presence type='subscribe' from='%s' to='%s@example.net'/>", jid,
                                  fake_db.accounts[owner - 1].local);
    }
    row->cells[9] = xstrdup("");
    row->cells[10] = xstrdup("0");
    row->cells[11] = xstrdup(strchr(flags, 'r') ? "t" : "f");
}
