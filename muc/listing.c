/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Listing rooms.
 */
#include "muc/listing.h"

#include "common/xmpp/namespaces.h"
#include "common/xmpp/room_page.h"
#include "muc/gather.h"

/* Lists that are made at a time. As many again for other nodes, so that users who wait for one that
 * is silent do not keep ours from theirs. */
#define QUERIES_MAX 50

/* In the arena of the request. */
struct list {
    struct rsm wish;
    bool is_own;                  /* for kontalk-c2s */
    const struct element *others; /* what the other homes have; NULL: nothing is known of them */
};

/* clang-format off */
#define PUBLIC                                                                                     \
    " NOT r.locked AND NOT EXISTS (SELECT 1 FROM room_option h"                                    \
    " WHERE h.room = r.room AND h.name = 'public' AND h.value = '0')"
/* Beyond that many the number is approximate (XEP-0059 §2.7). */
#define COUNT "(SELECT count(*) FROM (SELECT 1 FROM room r WHERE" PUBLIC " LIMIT 10000) counted)"
/* One row at least, which tells the number. All homes have to have one order. */
#define LOCAL "r.local COLLATE \"C\""
#define LIST(beyond, order)                                                                        \
    "SELECT c.number, p.local, p.name FROM (SELECT " COUNT " AS number) c LEFT JOIN"               \
    " (SELECT r.local, coalesce(n.value, '') AS name FROM room r"                                  \
    " LEFT JOIN room_option n ON n.room = r.room AND n.name = 'name'"                              \
    " WHERE ($1::text IS NULL OR " LOCAL " " beyond " $1::text) AND" PUBLIC                        \
    " ORDER BY " LOCAL order " LIMIT $2::bigint) p ON true ORDER BY p.local COLLATE \"C\"" order
/* clang-format on */

static const struct db_statement forward = {"muc_rooms", LIST(">", ""), 2};
static const struct db_statement backward = {"muc_rooms_back", LIST("<", " DESC"), 2};

/* --- our own --- */

static const struct element *own_page(struct turn *turn, const struct db_result *result)
{
    const struct list *list = turn->user;
    struct element *page = element_new(turn->request->arena, NS_DIRECTORY, "rooms");
    size_t rows = db_is_null(result, 0, 1) ? 0 : db_rows(result);
    size_t size = room_page_size(&list->wish);

    for (size_t i = 0; i < MIN(rows, size); i++) {
        const char *local = db_get_text(result, i, 1), *name = db_get_text(result, i, 2);

        room_page_add(page, local, *name ? name : local);
    }
    room_page_set(page, db_get_int(result, 0, 0), rows > size);
    return page;
}

/* --- all --- */

static void add_item(const struct turn *turn, struct element *query, const struct element *room)
{
    struct element *item = element_add(query, NS_DISCO_ITEMS, "item");
    const char *local = element_get(room, "local"), *name = element_get(room, "name");

    element_set(item, "jid", arena_printf(query->arena, "%s@%s", local, turn->muc->domain));
    element_set(item, "name", name ? name : local);
}

/* A page before a place is told in the order of the list, too (XEP-0059 §2.3). */
static void tell_items(const struct turn *turn, const struct element *page, struct element *query)
{
    const struct list *list = turn->user;
    const struct element *rooms[ROOM_PAGE_MAX];
    size_t count = 0;

    ELEMENT_FOREACH (room, page)
        rooms[count++] = room;
    for (size_t i = 0; i < count; i++)
        add_item(turn, query, rooms[list->wish.before ? count - 1 - i : i]);
    if (element_find(stanza_payload(turn->request), NS_RSM, "set") || room_page_has_more(page)) {
        const struct element *first = count ? rooms[list->wish.before ? count - 1 : 0] : NULL;
        const struct element *last = count ? rooms[list->wish.before ? 0 : count - 1] : NULL;

        rsm_add(query, first ? element_get(first, "local") : NULL,
                last ? element_get(last, "local") : NULL, room_page_count(page));
    }
}

static void tell(struct turn *turn, const struct db_result *result)
{
    const struct list *list = turn->user;
    const struct element *pages[] = {own_page(turn, result), list->others};
    struct element *root = turn_result(turn)->root, *page;

    page = list->is_own ? element_add(root, NS_DIRECTORY, "rooms")
                        : element_new(root->arena, NS_DIRECTORY, "rooms");
    room_page_merge(page, pages, ARRAY_SIZE(pages), &list->wish);
    if (!list->is_own)
        tell_items(turn, page, element_add(root, NS_DISCO_ITEMS, "query"));
}

/* --- asking --- */

static bool is_busy(const struct muc *muc, bool is_own)
{
    const struct turn *turn;
    size_t count = 0;

    DL_FOREACH (muc->turns, turn) {
        count += turn->room == NULL;
    }
    return count > (is_own ? 2 : 1) * QUERIES_MAX;
}

static void ask(struct turn *turn, struct list *list)
{
    const struct rsm *wish = &list->wish;
    const char *beyond = wish->before && *wish->before ? wish->before : wish->after;
    const struct db_value values[] = {DB_TEXT(beyond), DB_INT((int64_t)room_page_size(wish) + 1)};

    turn_query(turn, wish->before ? &backward : &forward, values, tell, list);
}

static void on_others(struct turn *turn, const struct element *page)
{
    struct list *list = turn->user;

    if (page && room_page_is_good(page, &list->wish))
        list->others = element_copy(turn->request->arena, page);
    ask(turn, list);
}

static void begin(struct turn *turn, struct list *list)
{
    turn->user = list;
    if (is_busy(turn->muc, list->is_own))
        turn_refuse(turn, SITUATION_ARCHIVE_BUSY);
    else if (turn->muc->homes && !list->is_own)
        gather(turn, &list->wish, on_others);
    else
        ask(turn, list);
}

void listing_tell(struct turn *turn, struct stanza *request, struct element *payload)
{
    struct list *list = arena_zalloc(request->arena, sizeof(*list));
    int problem = rsm_read(payload, &list->wish);

    if (element_get(payload, "node"))
        turn_refuse(turn, SITUATION_NODE_UNKNOWN);
    else if (problem >= 0)
        turn_send_take(turn, stanza_error(request, (enum stanza_condition)problem, NULL));
    else
        begin(turn, list);
}

void listing_tell_own(struct turn *turn, struct stanza *request, struct element *payload)
{
    struct list *list = arena_zalloc(request->arena, sizeof(*list));
    const struct jid *from = &request->from;

    list->is_own = true;
    if (turn->muc->homes == NULL || from->local || strcmp(from->domain, turn->muc->host) != 0)
        turn_refuse(turn, SITUATION_UNKNOWN);
    else if (room_page_read(payload, &list->wish) != 0)
        turn_refuse(turn, SITUATION_BAD);
    else
        begin(turn, list);
}
