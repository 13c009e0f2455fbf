/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Listing rooms.
 */
#include "muc/listing.h"

#include "common/xmpp/rsm.h"

/* Rooms on one page, at most. */
#define PAGE ((size_t)100)
/* Lists that the database is asked for at a time. */
#define QUERIES_MAX 50

/* clang-format off */
#define PUBLIC                                                                                     \
    " NOT r.locked AND NOT EXISTS (SELECT 1 FROM room_option h"                                    \
    " WHERE h.room = r.room AND h.name = 'public' AND h.value = '0')"
/* Beyond that many the number is approximate (XEP-0059 §2.7). */
#define COUNT "(SELECT count(*) FROM (SELECT 1 FROM room r WHERE" PUBLIC " LIMIT 10000) counted)"
/* One row at least, which tells the number. */
#define LIST(beyond, order)                                                                        \
    "SELECT c.number, p.local, p.name FROM (SELECT " COUNT " AS number) c LEFT JOIN"               \
    " (SELECT r.local, coalesce(n.value, '') AS name FROM room r"                                  \
    " LEFT JOIN room_option n ON n.room = r.room AND n.name = 'name'"                              \
    " WHERE ($1::text IS NULL OR r.local " beyond " $1::text) AND" PUBLIC                          \
    " ORDER BY r.local" order " LIMIT $2::bigint) p ON true ORDER BY p.local" order
/* clang-format on */

static const struct db_statement forward = {"muc_rooms", LIST(">", ""), 2};
static const struct db_statement backward = {"muc_rooms_back", LIST("<", " DESC"), 2};

static size_t page_size(const struct rsm *rsm)
{
    return rsm->has_max ? MIN(rsm->max, PAGE) : PAGE;
}

static void add_room(const struct turn *turn, struct element *query, const struct db_result *result,
                     size_t row)
{
    struct element *item = element_add(query, NS_DISCO_ITEMS, "item");
    const char *local = db_get_text(result, row, 1), *name = db_get_text(result, row, 2);

    element_set(item, "jid", arena_printf(query->arena, "%s@%s", local, turn->muc->domain));
    element_set(item, "name", *name ? name : local);
}

static void tell(struct turn *turn, const struct db_result *result)
{
    struct element *query = element_add(turn_result(turn)->root, NS_DISCO_ITEMS, "query");
    const struct rsm *rsm = turn->user;
    size_t rows = db_is_null(result, 0, 1) ? 0 : db_rows(result);
    size_t count = MIN(rows, page_size(rsm));
    bool asked = element_find(stanza_payload(turn->request), NS_RSM, "set");

    for (size_t i = 0; i < count; i++)
        add_room(turn, query, result, rsm->before ? count - 1 - i : i);
    if (asked || rows > count)
        rsm_add(query, count ? db_get_text(result, rsm->before ? count - 1 : 0, 1) : NULL,
                count ? db_get_text(result, rsm->before ? 0 : count - 1, 1) : NULL,
                db_get_int(result, 0, 0));
}

static bool is_busy(const struct muc *muc)
{
    const struct turn *turn;
    size_t count = 0;

    DL_FOREACH (muc->turns, turn) {
        count += turn->room == NULL;
    }
    return count > QUERIES_MAX;
}

static void ask(struct turn *turn, struct rsm *rsm)
{
    const char *beyond = rsm->before && *rsm->before ? rsm->before : rsm->after;
    const struct db_value values[] = {DB_TEXT(beyond), DB_INT((int64_t)page_size(rsm) + 1)};

    turn_query(turn, rsm->before ? &backward : &forward, values, tell, rsm);
}

void listing_tell(struct turn *turn, struct stanza *request, struct element *payload)
{
    struct rsm *rsm = arena_alloc(request->arena, sizeof(*rsm));
    int problem = rsm_read(payload, rsm);

    if (element_get(payload, "node"))
        turn_refuse(turn, SITUATION_NODE_UNKNOWN);
    else if (problem >= 0)
        turn_send_take(turn, stanza_error(request, (enum stanza_condition)problem, NULL));
    else if (is_busy(turn->muc))
        turn_refuse(turn, SITUATION_ARCHIVE_BUSY);
    else
        ask(turn, rsm);
}
