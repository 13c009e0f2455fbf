/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing, deleting and reading rows of the outbox.
 */
#include "c2s/sm/outbox_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/slots.h"
#include "c2s/sm/core.h"
#include "c2s/sm/outbox.h"
#include "c2s/sm/words.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/xmpp/datetime.h"

/* Deleted together, read together. */
#define BATCH 256

#define INSERT                                                                                     \
    "INSERT INTO outbox (owner, seq, slot, destination, stanza, size, created)"                    \
    " SELECT $1::bigint, $2::bigint, $3::bigint, $4, $5, $6::bigint, $7::timestamptz"
#define ONCE " ON CONFLICT DO NOTHING"

static const struct db_statement insert_statement = {
    .name = "outbox_insert",
    .sql = INSERT ONCE,
    .parameters = 7,
};

/* The message may be one that is known. */
static const struct db_statement insert_with_statement = {
    .name = "outbox_insert_with",
    .sql = INSERT
    " WHERE EXISTS (SELECT 1 FROM message WHERE owner = $1::bigint AND seq = $2::bigint)" ONCE,
    .parameters = 7,
};

/* Arrays, as PostgreSQL writes them. */
static const struct db_statement delete_statement = {
    .name = "outbox_delete",
    .sql = "DELETE FROM outbox WHERE (owner, seq) IN"
           " (SELECT unnest($1::bigint[]), unnest($2::bigint[]))",
    .parameters = 2,
};

static const struct db_statement read_statement = {
    .name = "outbox_read",
    .sql = "SELECT owner, seq, stanza, (extract(epoch FROM created) * 1000000)::bigint FROM outbox"
           " WHERE slot = $1::bigint AND (owner, seq) > ($2::bigint, $3::bigint)"
           " ORDER BY owner, seq LIMIT $4::bigint",
    .parameters = 4,
};

struct done {
    struct outbox_row row;
    struct durable forget; /* strings and addresses in the arena; id NULL: nobody has to */
    struct arena *arena;
    struct done *prev, *next;
};

/* One delete on its way. */
struct rows_batch {
    struct outbox_rows *rows;
    unsigned slot;
    struct done *done;
    struct db_unit *unit;
    struct rows_batch *prev, *next;
};

struct reading {
    struct outbox_rows *rows;
    unsigned slot;
    int64_t owner, seq; /* the last row that was read */
    struct done *gone;  /* deleted since it began: what comes may be older than that */
    struct db_unit *unit;
    struct reading *prev, *next;
};

struct outbox_rows {
    struct sm *sm;
    struct done *done[SLOTS];
    int64_t epochs[SLOTS]; /* of the slot when it was read; 0: not ours */
    struct rows_batch *batches;
    struct reading *readings;
};

struct outbox_rows *outbox_rows_new(struct sm *sm)
{
    struct outbox_rows *rows = xcalloc(1, sizeof(*rows));

    rows->sm = sm;
    return rows;
}

static void free_done(struct done *done)
{
    arena_free(done->arena);
    free(done);
}

static void free_all(struct done *list)
{
    while (list) {
        struct done *done = list;

        DL_DELETE(list, done);
        free_done(done);
    }
}

static void free_batch(struct rows_batch *batch)
{
    DL_DELETE(batch->rows->batches, batch);
    free_all(batch->done);
    free(batch);
}

static void free_reading(struct reading *reading)
{
    DL_DELETE(reading->rows->readings, reading);
    free_all(reading->gone);
    free(reading);
}

void outbox_rows_free(struct outbox_rows *rows)
{
    while (rows->batches) {
        db_cancel(rows->batches->unit);
        free_batch(rows->batches);
    }
    while (rows->readings) {
        db_cancel(rows->readings->unit);
        free_reading(rows->readings);
    }
    for (size_t slot = 0; slot < SLOTS; slot++)
        free_all(rows->done[slot]);
    free(rows);
}

static void add(struct sm_unit *unit, const struct db_statement *statement,
                const struct account *sender, int64_t seq, const struct stanza *stanza,
                const char *text)
{
    const char *destination =
        sm_is_ours(sender->sm, &stanza->to) ? stanza->to.bare : stanza->to.domain;
    char now[DATETIME_SIZE];

    datetime_format(clock_wall_us(), now);
    sm_add_values(unit, statement, DB_INT(sender->owner), DB_INT(seq), DB_INT(sender->slot),
                  DB_TEXT(destination), DB_TEXT(text), DB_INT((int64_t)strlen(text)), DB_TEXT(now));
}

void outbox_rows_add_alone(struct sm_unit *unit, const struct account *sender, int64_t seq,
                           const struct stanza *stanza, const char *text)
{
    add(unit, &insert_statement, sender, seq, stanza, text);
}

void outbox_rows_add(struct sm_unit *unit, const struct account *sender, int64_t seq,
                     const struct stanza *stanza, const char *text)
{
    add(unit, &insert_with_statement, sender, seq, stanza, text);
}

/* --- deleting --- */

void outbox_rows_done(struct outbox_rows *rows, const struct outbox_row *row,
                      const struct durable *forget)
{
    struct done *done = xcalloc(1, sizeof(*done));

    done->row = *row;
    done->arena = arena_new();
    if (forget)
        durable_copy(done->arena, forget, &done->forget);
    DL_APPEND(rows->done[row->slot], done);
}

static bool is_current(const struct reading *reading)
{
    const struct outbox_rows *rows = reading->rows;

    return slots_owned(rows->sm->slots, reading->slot) &&
           slots_epoch(rows->sm->slots, reading->slot) == rows->epochs[reading->slot];
}

static void keep_for_readings(struct outbox_rows *rows, struct rows_batch *batch)
{
    struct reading *reading;

    DL_FOREACH (rows->readings, reading) {
        if (reading->slot == batch->slot && is_current(reading)) {
            DL_CONCAT(reading->gone, batch->done);
            batch->done = NULL;
            return;
        }
    }
}

static void on_deleted(void *user, int status, const struct db_result *results UNUSED,
                       size_t count UNUSED)
{
    struct rows_batch *batch = user;
    struct outbox_rows *rows = batch->rows;
    struct done *done;

    if (status == 0) {
        DL_FOREACH (batch->done, done) {
            if (done->forget.id)
                words_say(rows->sm, &done->forget);
        }
        keep_for_readings(rows, batch);
    } else if (status != ERR_FENCED) {
        DL_CONCAT(batch->done, rows->done[batch->slot]);
        rows->done[batch->slot] = batch->done;
        batch->done = NULL;
    }
    free_batch(batch);
}

/* owner 0: of any. */
static bool has_row(const struct done *list, int64_t owner, int64_t seq)
{
    const struct done *done;

    DL_FOREACH (list, done) {
        if (done->row.seq == seq && (owner == 0 || done->row.owner == owner))
            return true;
    }
    return false;
}

static bool is_done(const struct outbox_rows *rows, unsigned slot, int64_t owner, int64_t seq)
{
    const struct rows_batch *batch;

    DL_FOREACH (rows->batches, batch) {
        if (batch->slot == slot && has_row(batch->done, owner, seq))
            return true;
    }
    return has_row(rows->done[slot], owner, seq);
}

/* Ids end with it (outbox_put()); what is none of ours is 0. */
static int64_t seq_of(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? strtoll(slash + 1, NULL, 10) : 0;
}

bool outbox_rows_may_have(const struct outbox_rows *rows, const char *bare, const char *id)
{
    unsigned slot = slot_of(bare);
    const struct reading *reading;

    DL_FOREACH (rows->readings, reading) {
        if (reading->slot == slot)
            return true;
    }
    return rows->epochs[slot] == 0 || is_done(rows, slot, 0, seq_of(id));
}

static void append_number(struct buffer *array, int64_t number)
{
    buffer_append_char(array, array->length == 0 ? '{' : ',');
    buffer_append_number(array, (uint64_t)number);
}

static void move_to_batch(struct rows_batch *batch, struct buffer *owners, struct buffer *seqs)
{
    struct done **list = &batch->rows->done[batch->slot];

    for (size_t i = 0; i < BATCH && *list; i++) {
        struct done *done = *list;

        DL_DELETE(*list, done);
        DL_APPEND(batch->done, done);
        append_number(owners, done->row.owner);
        append_number(seqs, done->row.seq);
    }
    buffer_append_char(owners, '}');
    buffer_append_char(seqs, '}');
}

static void flush_slot(struct outbox_rows *rows, unsigned slot)
{
    struct sm *sm = rows->sm;
    struct buffer owners = {0}, seqs = {0};
    struct rows_batch *batch;
    struct db_unit *unit = db_unit_new(sm->db, slot);

    if (slots_fence(sm->slots, slot, unit) < 0) {
        db_cancel(unit);
        free_all(rows->done[slot]);
        rows->done[slot] = NULL;
        return;
    }
    batch = xcalloc(1, sizeof(*batch));
    batch->rows = rows;
    batch->slot = slot;
    DL_APPEND(rows->batches, batch);
    move_to_batch(batch, &owners, &seqs);
    db_unit_add_values(unit, &delete_statement, DB_TEXT(owners.data), DB_TEXT(seqs.data));
    batch->unit = db_submit(unit, on_deleted, batch);
    buffer_fini(&owners);
    buffer_fini(&seqs);
}

void outbox_rows_flush(struct outbox_rows *rows)
{
    if (rows->batches)
        return;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (rows->done[slot])
            flush_slot(rows, slot);
    }
}

/* --- reading --- */

static void read_more(struct reading *reading);

static void read_row(struct reading *reading, const struct db_result *result, size_t row)
{
    struct sm *sm = reading->rows->sm;
    struct stanza *stanza = sm_parse_stanza(sm, db_get_text(result, row, 2));

    reading->owner = db_get_int(result, row, 0);
    reading->seq = db_get_int(result, row, 1);
    if (stanza && stanza->has_from && stanza->has_to &&
        !is_done(reading->rows, reading->slot, reading->owner, reading->seq) &&
        !has_row(reading->gone, reading->owner, reading->seq)) {
        const struct outbox_row at = {reading->owner, reading->seq, reading->slot};
        outbox_put(sm, &at, stanza, (clock_wall_us() - db_get_int(result, row, 3)) / 1000, true);
    }
    stanza_unref(stanza);
}

static void on_read(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    struct reading *reading = user;

    reading->unit = NULL;
    if (!is_current(reading) || status == ERR_CANCELLED) {
        free_reading(reading);
        return;
    }
    for (size_t row = 0; status == 0 && row < db_rows(&results[0]); row++)
        read_row(reading, &results[0], row);
    if (status == 0 && db_rows(&results[0]) < BATCH)
        free_reading(reading);
    else
        read_more(reading);
}

/* Asked again until it is answered: a unit without a connection waits for its deadline. */
static void read_more(struct reading *reading)
{
    const struct db_value values[] = {DB_INT(reading->slot), DB_INT(reading->owner),
                                      DB_INT(reading->seq), DB_INT(BATCH)};

    reading->unit =
        db_query(reading->rows->sm->db, reading->slot, &read_statement, values, on_read, reading);
}

static void read_slot(struct outbox_rows *rows, unsigned slot)
{
    struct reading *reading = xcalloc(1, sizeof(*reading));

    reading->rows = rows;
    reading->slot = slot;
    DL_APPEND(rows->readings, reading);
    read_more(reading);
}

bool outbox_rows_are_read(const struct outbox_rows *rows, unsigned slot)
{
    const struct reading *reading;

    if (rows->epochs[slot] != slots_epoch(rows->sm->slots, slot))
        return false;
    DL_FOREACH (rows->readings, reading) {
        if (reading->slot == slot)
            return false;
    }
    return true;
}

void outbox_rows_slots_changed(struct outbox_rows *rows)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        bool owned = slots_owned(rows->sm->slots, slot);
        int64_t epoch = owned ? slots_epoch(rows->sm->slots, slot) : 0;

        if (epoch == rows->epochs[slot])
            continue;
        if (rows->epochs[slot])
            outbox_drop(rows->sm, slot);
        rows->epochs[slot] = epoch;
        if (owned)
            read_slot(rows, slot);
    }
}
