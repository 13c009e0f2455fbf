/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rows of messages that are no longer pending.
 */
#include "muc/mail_rows.h"

#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/fault_point.h"
#include "common/base/table.h"

/* Rows are changed so long behind, so that many are together. */
#define BEHIND_MS 200
#define BATCH     500

static const struct db_statement settled_statement = {
    "muc_settled",
    "UPDATE message SET pending = false WHERE (room, seq) IN"
    " (SELECT * FROM unnest($1::bigint[], $2::bigint[]))",
    2};
/* Numbers of a room are messages or notes. */
static const struct db_statement delivered_statement = {
    "muc_delivered",
    "DELETE FROM note WHERE (room, seq) IN"
    " (SELECT * FROM unnest($1::bigint[], $2::bigint[]))",
    2};

struct mail_forget {
    struct batch_item item;
    struct mail_forget *next;
};

struct mail_rows {
    struct muc *muc;
    struct mail_message *open, *settled, *writing;
    struct db_unit *unit;
    struct timer *timer;
    bool stopped;
};

/* --- takers --- */

/* Those of a message together: all have the same offerer. */
static void say_forgets(struct mail_rows *rows, const struct mail_message *message)
{
    struct batch batch = {.kind = DURABLE_FORGET, .count = message->forgets_count};
    const struct mail_forget *forget = message->forgets;
    struct batch_item *items;

    if (!forget)
        return;
    items = xcalloc(batch.count, sizeof(*items));
    batch.from = message->offerer;
    batch.items = items;
    for (size_t i = 0; forget; forget = forget->next)
        items[i++] = forget->item;
    link_answer_batch(rows->muc->link, &batch);
    free(items);
}

void mail_rows_took(struct mail_message *message, const struct durable *took)
{
    const struct batch_item item = {.jid = took->from, .id = took->id};
    struct mail_forget *forget;

    message->taken = true;
    if (took->from.domain == NULL)
        return;
    if (message->arena == NULL) {
        message->arena = arena_new();
        message->offerer = jid_copy(message->arena, &took->to);
    }
    forget = arena_alloc(message->arena, sizeof(*forget));
    forget->item = batch_copy_item(message->arena, &item);
    LL_PREPEND(message->forgets, forget);
    message->forgets_count++;
}

static void free_message(struct mail_rows *rows, struct mail_message *message, bool tell)
{
    if (tell)
        say_forgets(rows, message);
    arena_free(message->arena);
    stanza_unref(message->stanza);
    stanza_unref(message->undelivered);
    free(message);
}

static void free_all(struct mail_rows *rows, struct mail_message **list, bool tell)
{
    while (*list) {
        struct mail_message *message = *list;

        DL_DELETE(*list, message);
        free_message(rows, message, tell);
    }
}

/* --- rows --- */

static void append(struct buffer *array, int64_t number)
{
    buffer_append_char(array, array->length == 0 ? '{' : ',');
    buffer_append_number(array, (uint64_t)number);
}

static void on_written(void *user, int status, const struct db_result *results UNUSED,
                       size_t count UNUSED)
{
    struct mail_rows *rows = user;

    rows->unit = NULL;
    FAULT_POINT(muc_settled);
    if (status < 0) { /* the next start finds them pending, which does no harm */
        free_all(rows, &rows->writing, false);
        return;
    }
    free_all(rows, &rows->writing, true);
    if (rows->settled && !rows->stopped)
        timer_start(rows->timer, BEHIND_MS, 0);
}

static void on_timer(void *user)
{
    struct mail_rows *rows = user;
    struct buffer rooms = {0}, seqs = {0};
    struct db_unit *unit;

    if (rows->unit || !rows->settled)
        return;
    for (size_t i = 0; i < BATCH && rows->settled; i++) {
        struct mail_message *message = rows->settled;

        DL_DELETE(rows->settled, message);
        DL_APPEND(rows->writing, message);
        append(&rooms, message->room);
        append(&seqs, message->seq);
    }
    buffer_append_char(&rooms, '}');
    buffer_append_char(&seqs, '}');
    unit = db_unit_new(rows->muc->db, 0);
    db_unit_repeat(unit);
    db_unit_add_values(unit, &settled_statement, DB_TEXT(rooms.data), DB_TEXT(seqs.data));
    db_unit_add_values(unit, &delivered_statement, DB_TEXT(rooms.data), DB_TEXT(seqs.data));
    rows->unit = db_submit(unit, on_written, rows);
    buffer_fini(&rooms);
    buffer_fini(&seqs);
}

struct mail_message *mail_rows_add(struct mail_rows *rows, int64_t room,
                                   const struct posting *posting)
{
    struct mail_message *message = xcalloc(1, sizeof(*message));

    *message = (struct mail_message){
        .room = room, .seq = posting->seq, .stanza = stanza_ref(posting->stanza), .open = 1};
    if (posting->undelivered)
        message->undelivered = stanza_ref(posting->undelivered);
    DL_APPEND(rows->open, message);
    return message;
}

static bool has(const struct mail_message *list, int64_t room, int64_t seq)
{
    const struct mail_message *message;

    DL_FOREACH (list, message) {
        if (message->room == room && message->seq == seq)
            return true;
    }
    return false;
}

bool mail_rows_has(const struct mail_rows *rows, int64_t room, int64_t seq)
{
    return has(rows->open, room, seq) || has(rows->settled, room, seq) ||
           has(rows->writing, room, seq);
}

void mail_rows_settled(struct mail_rows *rows, struct mail_message *message)
{
    if (--message->open > 0)
        return;
    DL_DELETE(rows->open, message);
    if (rows->stopped) {
        free_message(rows, message, false);
        return;
    }
    if (message->undelivered && !message->taken)
        muc_send(rows->muc, message->undelivered);
    DL_APPEND(rows->settled, message);
    if (!rows->unit && !timer_active(rows->timer))
        timer_start(rows->timer, BEHIND_MS, 0);
}

/* --- life --- */

struct mail_rows *mail_rows_new(struct muc *muc)
{
    struct mail_rows *rows = xcalloc(1, sizeof(*rows));

    rows->muc = muc;
    rows->timer = timer_new(muc->loop, on_timer, rows);
    return rows;
}

void mail_rows_stop(struct mail_rows *rows)
{
    rows->stopped = true;
    timer_stop(rows->timer);
    db_cancel(rows->unit);
}

void mail_rows_free(struct mail_rows *rows)
{
    free_all(rows, &rows->open, false);
    free_all(rows, &rows->settled, false);
    free_all(rows, &rows->writing, false);
    timer_close(rows->timer);
    free(rows);
}
