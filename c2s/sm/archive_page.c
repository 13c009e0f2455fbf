/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One page of an archive. First the numbers of its messages are read, in the direction of paging
 * and one more than it may have: whether there are more is known then. The messages themselves
 * follow a few at a time, as long as the client takes them (back-pressure: nothing but numbers is
 * kept in memory for a client that does not read). A message that retention removes meanwhile is
 * left out.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/archive.h"
#include "common/base/error.h"
#include "common/tls/crypto.h"

/* So many messages are in memory at once. */
#define CHUNK 16

struct page {
    struct sm_request *request;
    struct archive_query query;
    int64_t seqs[ARCHIVE_PAGE_MAX]; /* in the order of the wire */
    size_t count;
    size_t done; /* so many of them are written or gone */
    bool complete;
    struct page *prev, *next; /* session->pages: those that wait for the client */
};

static const struct db_statement read_messages = {
    .name = "archive_read",
    .sql = "SELECT m.seq, m.stanza, (extract(epoch FROM m.received) * 1000000)::bigint"
           " FROM message m WHERE m.owner = $1::bigint AND m.archived"
           " AND m.seq = ANY (string_to_array($2, ',')::bigint[]) ORDER BY m.seq",
    .parameters = 2,
};

static void page_free(struct page *page)
{
    archive_query_fini(&page->query);
    free(page);
}

static void fail(struct page *page, int status)
{
    struct sm_request *request = page->request;

    page_free(page);
    sm_fail(request, status);
}

static const char *id_of(const struct page *page, int64_t seq)
{
    struct arena *arena = page->request->iq->arena;
    char *text = arena_alloc(arena, STANZA_ID_SIZE);

    stanza_id_encode(page->request->sm, page->request->account->owner, seq, text);
    return text;
}

static int64_t oldest(const struct page *page)
{
    return page->seqs[page->query.flipped ? page->count - 1 : 0];
}

static int64_t newest(const struct page *page)
{
    return page->seqs[page->query.flipped ? 0 : page->count - 1];
}

/* Which part of the archive the client has seen without gaps: what a page that leaves nothing out
 * begins or ends with may be a place that the client knows already. Pages that do not touch what is
 * known take its place if they are newer. */
static void note_shown(struct page *page)
{
    struct session *session = page->request->session;
    const struct archive_query *query = &page->query;
    int64_t from, to;

    if (!session || page->count == 0 || query->has_with || query->has_ids || query->has_start ||
        query->has_end)
        return;
    from = !query->backward || page->complete ? query->above : oldest(page) - 1;
    to = query->backward && query->below < INT64_MAX ? query->below - 1 : newest(page);
    if (from <= session->shown_to && to >= session->shown_from) {
        session->shown_from = MIN(session->shown_from, from);
        session->shown_to = MAX(session->shown_to, to);
    } else if (to > session->shown_to) {
        session->shown_from = from;
        session->shown_to = to;
    }
}

bool archive_has_shown(const struct session *session, int64_t seq)
{
    return seq > session->shown_from && seq <= session->shown_to;
}

/* count: -1 if it is not known. */
static void finish(struct page *page, int64_t count)
{
    struct sm_request *request = page->request;
    struct stanza *result = stanza_result(request->iq);
    bool empty = page->count == 0;

    note_shown(page);
    archive_add_fin(result->root, page->complete, empty ? NULL : id_of(page, oldest(page)),
                    empty ? NULL : id_of(page, newest(page)), count);
    page_free(page);
    sm_reply_take(request, result);
}

static void send_result(struct page *page, const struct db_result *rows, size_t row)
{
    struct account *account = page->request->account;
    int64_t seq = db_get_int(rows, row, 0);
    struct element *message = sm_parse(account->sm, db_get_text(rows, row, 1));
    struct stanza *stanza = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);

    if (message == NULL) { /* a row that cannot be read harms only itself */
        stanza_unref(stanza);
        return;
    }
    stanza_set_from(stanza, account->jid);
    stanza_set_to(stanza, page->request->session->jid);
    stanza_id_add(account,
                  archive_add_result(stanza->root, &page->query, id_of(page, seq), message,
                                     db_get_int(rows, row, 2)),
                  seq);
    session_send_take(page->request->session, stanza);
    arena_free(message->arena);
}

static void go_on(struct page *page);

/* Rows come in the order of numbers; the wire may want it the other way round. */
static void send_rows(struct page *page, const struct db_result *rows, size_t end)
{
    size_t left = db_rows(rows);
    size_t at = 0;

    while (page->done < end && !session_is_full(page->request->session)) {
        size_t row = page->query.flipped ? left - 1 - at : at;
        if (at < left && db_get_int(rows, row, 0) == page->seqs[page->done]) {
            send_result(page, rows, row);
            at++;
        }
        page->done++;
    }
}

static void on_messages(struct account *account, int status, const struct db_result *results,
                        void *user)
{
    struct page *page = user;

    (void)account;
    if (status != 0) {
        fail(page, status);
        return;
    }
    if (page->request->session)
        send_rows(page, &results[0], MIN(page->done + CHUNK, page->count));
    go_on(page);
}

static void read_chunk(struct page *page)
{
    struct buffer seqs = {0};
    size_t end = MIN(page->done + CHUNK, page->count);

    for (size_t i = page->done; i < end; i++)
        buffer_printf(&seqs, "%s%" PRId64, seqs.length > 0 ? "," : "", page->seqs[i]);
    sm_query(page->request->account, SM_READ_ASIDE, &read_messages,
             (const struct db_value[]){DB_INT(page->request->account->owner), DB_TEXT(seqs.data)},
             on_messages, page);
    buffer_fini(&seqs);
}

static void go_on(struct page *page)
{
    struct session *session = page->request->session;

    if (!session || page->done == page->count) {
        finish(page, -1);
    } else if (session_is_full(session)) {
        DL_APPEND(session->pages, page);
    } else {
        read_chunk(page);
    }
}

void archive_page_go_on(struct session *session)
{
    while (session->pages && !session_is_full(session)) {
        struct page *page = session->pages;

        DL_DELETE(session->pages, page);
        go_on(page);
    }
}

void archive_page_forget(struct session *session)
{
    while (session->pages) {
        struct page *page = session->pages;

        DL_DELETE(session->pages, page);
        page->request->session = NULL;
        finish(page, -1);
    }
}

/* Into the order of the wire; one row more than the page has says that it is not the last. */
static void take_numbers(struct page *page, const struct db_result *rows)
{
    page->complete = db_rows(rows) <= page->query.max;
    page->count = MIN(db_rows(rows), page->query.max);
    for (size_t i = 0; i < page->count; i++)
        page->seqs[archive_query_place(&page->query, i, page->count)] = db_get_int(rows, i, 0);
}

static bool asks_all(const struct archive_query *query)
{
    return query->above == 0 && query->below == INT64_MAX;
}

static void on_numbers(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct page *page = user;
    const struct db_result *rows = &results[page->query.known.length > 0 ? 1 : 0];

    (void)account;
    if (status != 0) {
        fail(page, status);
    } else if (page->query.known.length > 0 && db_get_int(&results[0], 0, 0) > 0) {
        struct sm_request *request = page->request;
        page_free(page);
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
    } else if (page->query.max == 0) {
        page->complete = db_get_int(rows, 0, 0) == 0;
        finish(page, db_get_int(rows, 0, 0));
    } else {
        take_numbers(page, rows);
        if (page->count == 0)
            finish(page, asks_all(&page->query) ? 0 : -1);
        else
            go_on(page);
    }
}

void archive_page_start(struct sm_request *request, struct archive_query *query)
{
    struct sm_unit *unit = sm_unit_new(request->account, SM_READ_ASIDE);
    struct page *page = xcalloc(1, sizeof(*page));

    page->request = request;
    page->query = *query;
    archive_rows_add(unit, request->account->owner, query);
    sm_submit(unit, on_numbers, page);
}
