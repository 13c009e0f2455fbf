/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading items. A page is bounded by number and by size, so that no answer is too big for a
 * stream; what is left out can be asked for (§6.5.4).
 */
#include "c2s/pubsub/items.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/notify.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/rsm.h"

/* Items of one answer (with RSM, §6.5.4), ids that one request may name, bytes of all payloads. */
#define PAGE_MAX   100
#define IDS_MAX    100
#define ANSWER_MAX (512 * 1024)

#define COLUMNS                                                                                    \
    "i.item, i.publisher, i.xml, (extract(epoch FROM i.published) * 1000000)::bigint AS at"
enum { ITEM, PUBLISHER, XML, PUBLISHED };

/* $1 owner, $2 node, $3 not older than. */
#define NODE_ITEMS                                                                                 \
    " FROM pubsub_item i WHERE i.owner = $1::bigint AND i.node_id = $2::bigint"                    \
    " AND i.published >= $3::timestamptz"
#define SEQ_OF(parameter)                                                                          \
    "(SELECT seq FROM pubsub_item WHERE owner = $1::bigint AND node_id = $2::bigint"               \
    " AND item = " parameter ")"
#define DIRECTION "CASE WHEN $8::boolean THEN seq ELSE -seq END"

/* Latest first. $4 how many at most, $5 bytes of all but the last of them; older than the item $6,
 * newer than $7, and if $8 the oldest of those. */
static const struct db_statement read_page = {
    .name = "pubsub_items_page",
    .sql =
        "WITH found AS (SELECT " COLUMNS ", i.seq, i.size" NODE_ITEMS
        " AND ($6::text IS NULL OR i.seq < " SEQ_OF(
            "$6") ")"
                  " AND ($7::text IS NULL OR i.seq > " SEQ_OF(
                      "$7") ")"
                            " ORDER BY " DIRECTION " LIMIT $4::bigint),"
                            " summed AS (SELECT *, sum(size) OVER (ORDER BY " DIRECTION
                            ") - size AS before"
                            " FROM found)"
                            " SELECT item, publisher, xml, at FROM summed WHERE before < $5::bigint"
                            " ORDER BY seq DESC",
    .parameters = 8,
};

static const struct db_statement count_items = {
    .name = "pubsub_items_count",
    .sql = "SELECT count(*)" NODE_ITEMS,
    .parameters = 3,
};

static const struct db_statement read_one = {
    .name = "pubsub_items_one",
    .sql = "SELECT " COLUMNS NODE_ITEMS " AND i.item = $4",
    .parameters = 4,
};

/* The last ones of several nodes: $2 their numbers (seq). */
static const struct db_statement read_last = {
    .name = "pubsub_items_last",
    .sql = "SELECT " COLUMNS ", i.node_id FROM pubsub_item i WHERE i.owner = $1::bigint"
           " AND i.seq = ANY (string_to_array($2, ',')::bigint[]) ORDER BY i.seq",
    .parameters = 2,
};
enum { NODE_ID = PUBLISHED + 1 };

static const char *oldest(const struct pubsub_node *node, char text[DATETIME_SIZE])
{
    int64_t expiry_s = options_expiry(&node->options);

    datetime_format(expiry_s > 0 ? clock_wall_us() - expiry_s * 1000000 : 0, text);
    return text;
}

/* --- what is asked for --- */

enum { RESULT_PAGE, RESULT_COUNT, RESULT_KNOWN };

struct page {
    struct sm_request *request;
    const char *name; /* in the arena of the request */
    struct rsm rsm;
    bool paged; /* the client speaks of pages */
    bool by_id; /* each statement brings one item */
    size_t ids;
};

static void add_row(struct account *account, struct element *items, const struct db_result *rows,
                    size_t row)
{
    const char *xml = db_get_text(rows, row, XML);
    struct element *payload = *xml ? sm_parse(account->sm, xml) : NULL;

    if (*xml && !payload)
        return; /* a row that cannot be read harms only itself */
    notify_add_item(items, account, db_get_text(rows, row, ITEM), db_get_text(rows, row, PUBLISHER),
                    payload);
    if (payload)
        arena_free(payload->arena);
}

static void add_rows(struct account *account, struct element *items, const struct db_result *rows)
{
    for (size_t row = 0; row < db_rows(rows); row++)
        add_row(account, items, rows, row);
}

/* The part that was left out is told of even to who did not speak of pages (§6.5.4). */
static void add_set(const struct page *page, struct element *pubsub,
                    const struct db_result *results)
{
    const struct db_result *rows = &results[RESULT_PAGE];
    size_t count = db_rows(rows);
    int64_t all = db_get_int(&results[RESULT_COUNT], 0, 0);

    if (!page->paged && (int64_t)count >= all)
        return;
    rsm_add(pubsub, count > 0 ? db_get_text(rows, 0, ITEM) : NULL,
            count > 0 ? db_get_text(rows, count - 1, ITEM) : NULL, all);
}

static bool is_known(const struct page *page, const struct db_result *results)
{
    bool names = page->rsm.after || (page->rsm.before && *page->rsm.before);

    return !names || page->by_id || db_rows(&results[RESULT_KNOWN]) > 0;
}

static void on_page(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct page *page = user;
    struct sm_request *request = page->request;
    struct stanza *reply;

    if (status < 0) {
        sm_fail(request, status);
    } else if (!is_known(page, results)) {
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
    } else {
        struct element *pubsub = pubsub_result(request, NS_PUBSUB, &reply);
        struct element *items = element_add(pubsub, NS_PUBSUB, "items");

        element_set(items, "node", page->name);
        for (size_t i = 0; page->by_id && i < page->ids; i++)
            add_rows(account, items, &results[i]);
        if (!page->by_id) {
            add_rows(account, items, &results[RESULT_PAGE]);
            add_set(page, pubsub, results);
        }
        sm_reply_take(request, reply);
    }
    free(page);
}

#define NODE_VALUES(call, since)                                                                   \
    DB_INT((call)->account->owner), DB_INT((call)->node->id), DB_TEXT(oldest((call)->node, since))

static void add_ids(struct pubsub_call *call, struct page *page, struct sm_unit *unit)
{
    char since[DATETIME_SIZE];

    ELEMENT_FOREACH (item, call->action) {
        const char *id = element_get(item, "id");

        if (element_is(item, NS_PUBSUB, "item") && id && page->ids < IDS_MAX) {
            sm_add_values(unit, &read_one, NODE_VALUES(call, since), DB_TEXT(id));
            page->ids++;
        }
    }
}

static void add_page(struct pubsub_call *call, struct page *page, struct sm_unit *unit, size_t most)
{
    const struct rsm *rsm = &page->rsm;
    const char *newer = rsm->before && *rsm->before ? rsm->before : NULL;
    const char *known = rsm->after ? rsm->after : newer;
    char since[DATETIME_SIZE];

    sm_add_values(unit, &read_page, NODE_VALUES(call, since), DB_INT((int64_t)most),
                  DB_INT(ANSWER_MAX), DB_TEXT(rsm->after), DB_TEXT(newer),
                  DB_BOOL(rsm->before != NULL));
    sm_add_values(unit, &count_items, NODE_VALUES(call, since));
    if (known)
        sm_add_values(unit, &read_one, NODE_VALUES(call, since), DB_TEXT(known));
}

/* max_items of §6.5.7, the page of XEP-0059, and ours. -1, or the condition. */
static int read_most(const struct pubsub_call *call, struct page *page, size_t *most)
{
    const char *text = element_get(call->action, "max_items");
    int problem = rsm_read(call->pubsub, &page->rsm);

    *most = call->account->sm->limits.pubsub_items;
    page->paged = element_find(call->pubsub, NS_RSM, "set") != NULL;
    if (problem >= 0)
        return problem;
    if (text && (!*text || strspn(text, "0123456789") != strlen(text)))
        return STANZA_BAD_REQUEST;
    if (page->paged)
        *most = MIN(PAGE_MAX, page->rsm.has_max ? page->rsm.max : PAGE_MAX);
    if (text)
        *most = MIN(*most, strtoull(text, NULL, 10));
    return -1;
}

void items_handle(struct pubsub_call *call)
{
    struct pubsub_refusal refusal = access_to_read(call->account, call->node, call_from(call));
    struct page page = {.request = call->request, .name = call->name};
    struct sm_unit *unit;
    size_t most;
    int problem;

    if (refusal.condition >= 0) {
        pubsub_refuse(call->request, refusal);
        return;
    }
    if (!options_on(&call->node->options, OPTION_PERSIST_ITEMS)) {
        pubsub_unsupported(call->request, "persistent-items");
        return;
    }
    problem = read_most(call, &page, &most);
    if (problem >= 0) {
        sm_error(call->request, (enum stanza_condition)problem, NULL);
        return;
    }
    unit = sm_unit_new(call->account, sm_access_of(call->request));
    add_ids(call, &page, unit);
    page.by_id = page.ids > 0;
    if (!page.by_id)
        add_page(call, &page, unit, most);
    struct page *copy = xmalloc(sizeof(*copy));
    *copy = page;
    sm_submit(unit, on_page, copy);
}

/* --- last items --- */

struct last {
    struct jid *to;
};

static struct pubsub_node *find_id(const struct account *account, int64_t id)
{
    PUBSUB_NODES(node, account)
    {
        if (node->id == id)
            return node;
    }
    return NULL;
}

/* §6.1.7: with the time at which it was published. */
static void send_row(struct account *account, const struct jid *to, const struct db_result *rows,
                     size_t row)
{
    const struct pubsub_node *node = find_id(account, db_get_int(rows, row, NODE_ID));
    struct element *event, *items, *delay;
    struct stanza *message;
    char stamp[DATETIME_SIZE];

    if (!node)
        return;
    message = notify_new(account, node, &event);
    items = element_add(event, event->ns, "items");
    element_set(items, "node", node->name);
    add_row(account, items, rows, row);
    datetime_format(db_get_int(rows, row, PUBLISHED), stamp);
    delay = element_add(message->root, "urn:xmpp:delay", "delay");
    element_set(delay, "from", account->jid->bare);
    element_set(delay, "stamp", stamp);
    notify_one_take(account, message, to);
}

static void on_last(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct last *last = user;

    for (size_t row = 0; status == 0 && row < db_rows(&results[0]); row++)
        send_row(account, last->to, &results[0], row);
    free(last->to);
    free(last);
}

static void read_lasts(struct account *account, const char *seqs, const struct jid *to)
{
    struct last *last = xcalloc(1, sizeof(*last));

    last->to = jid_dup(to);
    sm_query(account, SM_READ_ASIDE, &read_last,
             (const struct db_value[]){DB_INT(account->owner), DB_TEXT(seqs)}, on_last, last);
}

void items_send_last(struct account *account, const struct pubsub_node *node, const struct jid *to)
{
    char *seqs;

    if (node->last_seq == 0)
        return;
    seqs = xasprintf("%" PRId64, node->last_seq);
    read_lasts(account, seqs, to);
    free(seqs);
}

void items_send_all_last(struct account *account, const struct jid *to,
                         bool (*wanted)(const struct account *account,
                                        const struct pubsub_node *node, const struct jid *to,
                                        const void *context),
                         const void *context)
{
    struct buffer seqs = {0};

    PUBSUB_NODES(node, account)
    {
        if (node->last_seq > 0 && wanted(account, node, to, context))
            buffer_printf(&seqs, "%s%" PRId64, seqs.length > 0 ? "," : "", node->last_seq);
    }
    if (seqs.length > 0)
        read_lasts(account, seqs.data, to);
    buffer_fini(&seqs);
}
