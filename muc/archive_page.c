/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One page of the archive of a room: which rows it means, and what is told of them.
 */
#include <string.h>

#include "common/base/log.h"
#include "common/xmpp/forward.h"
#include "common/xmpp/namespaces.h"
#include "muc/archive.h"
#include "muc/retract.h"

/* Parameters: room, above, below, start, end, how many, nick, sender, ids, known. The times become
 * numbers too, so that an old archive is not read from its beginning (both rise together); the
 * exact time decides. */
/* clang-format off */
#define TIME(us) "timestamptz 'epoch' + " us "::bigint * interval '1 microsecond'"
#define START                                                                                      \
    "CASE WHEN $4::bigint IS NULL THEN 0 ELSE coalesce((SELECT s.seq FROM message s"               \
    " WHERE s.room = $1::bigint AND s.said >= " TIME("$4")                                         \
    " ORDER BY s.said, s.seq LIMIT 1), 9223372036854775807) END"
#define END                                                                                        \
    "CASE WHEN $5::bigint IS NULL THEN 9223372036854775807 ELSE coalesce((SELECT e.seq"            \
    " FROM message e WHERE e.room = $1::bigint AND e.said <= " TIME("$5")                          \
    " ORDER BY e.said DESC, e.seq DESC LIMIT 1), 0) END"
#define WHERE                                                                                      \
    " m WHERE m.room = $1::bigint AND m.archived AND m.seq > $2::bigint AND m.seq < $3::bigint"    \
    " AND m.seq >= " START " AND m.seq <= " END                                                    \
    " AND ($4::bigint IS NULL OR m.said >= " TIME("$4") ")"                                        \
    " AND ($5::bigint IS NULL OR m.said <= " TIME("$5") ")"                                        \
    " AND ($7::text IS NULL OR m.nick = $7::text)"                                                 \
    " AND ($8::text IS NULL OR m.sender = $8::text)"
/* OFFSET keeps it apart: in one, PostgreSQL would read all rows between the numbers. */
#define THESE                                                                                      \
    "(SELECT * FROM message WHERE room = $1::bigint"                                               \
    " AND seq = ANY (string_to_array($9::text, ',')::bigint[]) OFFSET 0)"
#define ALL "(SELECT * FROM message WHERE $9::text IS NULL)"
#define MISSING                                                                                    \
    "(SELECT count(*) FROM unnest(string_to_array($10, ',')) AS known(seq) WHERE NOT EXISTS"       \
    " (SELECT 1 FROM message k WHERE k.room = $1::bigint AND k.archived"                           \
    " AND k.seq = known.seq::bigint)) AS missing"
/* One row at least, which tells what is missing. */
#define PAGE(from, order)                                                                          \
    "SELECT p.missing, " ARCHIVE_COLUMNS " FROM (SELECT " MISSING ") p LEFT JOIN"                  \
    " (SELECT m.* FROM " from WHERE " ORDER BY m.seq" order " LIMIT $6::bigint) m ON true"         \
    " ORDER BY m.seq" order
#define COUNT(from)                                                                                \
    "SELECT " MISSING ", (SELECT count(*) FROM (SELECT 1 FROM " from WHERE                         \
    " LIMIT $6::bigint) counted)"
/* clang-format on */

#define PARAMETERS 10
/* What is counted at most (XEP-0059 §2.7 allows approximate numbers). */
#define COUNT_MAX 100000

enum columns { MISSING_COLUMN, FIRST_COLUMN };
enum form { FORWARD, BACKWARD, COUNTING, FORMS };

static const struct db_statement statements[FORMS][2] = {
    [FORWARD] = {{"muc_archive_page", PAGE(ALL, ""), PARAMETERS},
                 {"muc_archive_page_ids", PAGE(THESE, ""), PARAMETERS}},
    [BACKWARD] = {{"muc_archive_back", PAGE(ALL, " DESC"), PARAMETERS},
                  {"muc_archive_back_ids", PAGE(THESE, " DESC"), PARAMETERS}},
    [COUNTING] = {{"muc_archive_count", COUNT(ALL), PARAMETERS},
                  {"muc_archive_count_ids", COUNT(THESE), PARAMETERS}},
};

/* --- one message --- */

struct stanza *archive_stanza(struct room *room, const struct db_result *result, size_t row,
                              int first)
{
    bool retracted = !db_is_null(result, row, first + 7);

    if (retracted)
        return retract_tombstone(room, result, row, first);
    return muc_parse_stanza(room->muc, db_get_text(result, row, first + 6));
}

/* §6.1.2: who said it, for those who may know. */
static void add_sender(const struct turn *turn, struct element *message, const char *sender)
{
    const struct room *room = turn->room;
    struct element *item = element_add(element_add(message, NS_MUC_USER, "x"), NS_MUC_USER, "item");
    struct jid jid;

    element_set(item, "jid", sender);
    if (jid_parse(message->arena, sender, &jid) == 0)
        element_set(item, "affiliation", affiliation_name(room_affiliation(room, &jid)));
}

static void send_result(struct turn *turn, const struct archive_query *query,
                        const struct db_result *result, size_t row, bool shows)
{
    struct room *room = turn->room;
    struct stanza *said = archive_stanza(room, result, row, FIRST_COLUMN);
    struct stanza *stanza;
    struct element *message;
    char id[SEALED_ID_SIZE];

    if (said == NULL) { /* a row that cannot be read harms only itself */
        log_warn("muc_message_unreadable", LOG_TEXT("room", room->jid->bare),
                 LOG_INT("seq", db_get_int(result, row, FIRST_COLUMN)));
        return;
    }
    stanza = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    stanza_set_from(stanza, room->jid);
    stanza_set_to(stanza, &turn->request->from);
    archive_id(room, db_get_int(result, row, FIRST_COLUMN), id);
    message = archive_add_result(stanza->root, query, id, said->root,
                                 db_get_int(result, row, FIRST_COLUMN + 1));
    if (shows && !db_is_null(result, row, FIRST_COLUMN + 3))
        add_sender(turn, message, db_get_text(result, row, FIRST_COLUMN + 3));
    stanza_unref(said);
    turn_send_take(turn, stanza);
}

/* --- the page --- */

static const char *id_of(struct turn *turn, const struct db_result *result, size_t row)
{
    char *id = arena_alloc(turn->request->arena, SEALED_ID_SIZE);

    archive_id(turn->room, db_get_int(result, row, FIRST_COLUMN), id);
    return id;
}

static void tell_page(struct turn *turn, const struct db_result *result)
{
    const struct archive_query *query = turn->user;
    size_t rows = db_is_null(result, 0, FIRST_COLUMN) ? 0 : db_rows(result);
    size_t count = MIN(rows, query->max), first = query->backward ? count - 1 : 0;
    bool shows = archive_shows_jids(turn->room, &turn->request->from);

    for (size_t i = 0; i < count; i++)
        send_result(turn, query, result, archive_query_place(query, i, count), shows);
    archive_add_fin(turn_result(turn)->root, rows <= query->max,
                    count > 0 ? id_of(turn, result, first) : NULL,
                    count > 0 ? id_of(turn, result, count - 1 - first) : NULL, -1);
}

static void on_read(struct turn *turn, const struct db_result *result)
{
    const struct archive_query *query = turn->user;

    if (db_get_int(result, 0, MISSING_COLUMN) > 0)
        turn_refuse(turn, SITUATION_ARCHIVE_NO_ID);
    else if (query->max == 0)
        archive_add_fin(turn_result(turn)->root, db_get_int(result, 0, 1) == 0, NULL, NULL,
                        db_get_int(result, 0, 1));
    else
        tell_page(turn, result);
}

void archive_page(struct turn *turn, struct archive_query *query, struct archive_with with)
{
    const struct db_value values[PARAMETERS] = {
        DB_INT(turn->room->id),
        DB_INT(query->above),
        DB_INT(query->below),
        query->has_start ? DB_INT(query->start_us) : DB_NULL,
        query->has_end ? DB_INT(query->end_us) : DB_NULL,
        DB_INT(query->max > 0 ? (int64_t)query->max + 1 : COUNT_MAX),
        DB_TEXT(with.nick),
        DB_TEXT(with.sender),
        query->has_ids ? DB_TEXT(query->ids.data) : DB_NULL,
        query->known.length > 0 ? DB_TEXT(query->known.data) : DB_NULL,
    };
    struct archive_query *kept = arena_alloc(turn->request->arena, sizeof(*kept));
    enum form form = query->backward ? BACKWARD : FORWARD;

    *kept = *query;
    turn_query(turn, &statements[query->max > 0 ? form : COUNTING][query->has_ids], values, on_read,
               kept);
    archive_query_fini(query);
}
