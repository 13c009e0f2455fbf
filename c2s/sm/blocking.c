/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Blocking Command (XEP-0191): nothing passes between the account and the addresses on its list, in
 * either direction. The account's own resources cannot be blocked (§4).
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/content.h"
#include "c2s/sm/presence.h"
#include "c2s/sm/reports.h"
#include "c2s/sm/roster.h"
#include "c2s/sm/sm.h"
#include "c2s/sm/smacks_row.h"
#include "common/base/error.h"
#include "common/base/limit.h"
#include "common/tls/crypto.h"

#define NS_BLOCKING        "urn:xmpp:blocking"
#define NS_BLOCKING_ERRORS "urn:xmpp:blocking:errors"

struct blocked {
    struct jid *jid;
    UT_hash_handle hh; /* by jid->full */
};

struct blocklist {
    struct blocked *items;
    int64_t version; /* rises with each change */
};

static const struct db_statement load_statement = {
    .name = "blocking_load",
    .sql = "SELECT a.blocklist_version, b.jid FROM account a"
           " LEFT JOIN block_item b ON b.owner = a.owner WHERE a.owner = $1::bigint",
    .parameters = 1,
};

static const struct db_statement block_statement = {
    .name = "blocking_block",
    .sql = "INSERT INTO block_item (owner, jid_hash, jid) VALUES ($1::bigint, $2::bytea, $3)"
           " ON CONFLICT DO NOTHING",
    .parameters = 3,
};

static const struct db_statement unblock_statement = {
    .name = "blocking_unblock",
    .sql = "DELETE FROM block_item WHERE owner = $1::bigint AND jid_hash = $2::bytea",
    .parameters = 2,
};

static const struct db_statement unblock_all_statement = {
    .name = "blocking_unblock_all",
    .sql = "DELETE FROM block_item WHERE owner = $1::bigint",
    .parameters = 1,
};

static const struct db_statement version_statement = {
    .name = "blocking_version",
    .sql = "UPDATE account SET blocklist_version = $2::bigint WHERE owner = $1::bigint",
    .parameters = 2,
};

/* An address may be longer than an index entry: its key is a hash. */
struct key {
    uint8_t bytes[CRYPTO_HASH_MAX];
};

static struct key key_of(const struct jid *jid)
{
    struct key key;

    crypto_digest(CRYPTO_SHA256, jid->full, strlen(jid->full), key.bytes);
    return key;
}

#define KEY(key) DB_BYTES((key).bytes, crypto_hash_size(CRYPTO_SHA256))

static struct blocked *find(const struct blocklist *list, const char *full)
{
    struct blocked *item;

    HASH_FIND_STR(list->items, full, item);
    return item;
}

static void add(struct blocklist *list, const struct jid *jid)
{
    if (find(list, jid->full))
        return;
    struct blocked *item = xcalloc(1, sizeof(*item));
    item->jid = jid_dup(jid);
    HASH_ADD_KEYPTR(hh, list->items, item->jid->full, strlen(item->jid->full), item);
}

static void drop(struct blocklist *list, struct blocked *item)
{
    HASH_DEL(list->items, item);
    free(item->jid);
    free(item);
}

static void drop_all(struct blocklist *list)
{
    struct blocked *item, *next;

    HASH_ITER (hh, list->items, item, next) {
        drop(list, item);
    }
}

static void loaded(struct account *account, const struct db_result *rows)
{
    struct arena *arena = arena_new();
    struct jid jid;

    account->blocklist = xcalloc(1, sizeof(*account->blocklist));
    for (size_t row = 0; row < db_rows(rows); row++) {
        account->blocklist->version = db_get_int(rows, row, 0);
        if (!db_is_null(rows, row, 1) && jid_parse(arena, db_get_text(rows, row, 1), &jid) == 0)
            add(account->blocklist, &jid);
    }
    arena_free(arena);
}

static void unload(struct account *account)
{
    drop_all(account->blocklist);
    free(account->blocklist);
    account->blocklist = NULL;
}

static bool is_blocked_as_a_whole(const struct blocklist *list, const struct jid *jid)
{
    return find(list, jid->bare) || find(list, jid->domain);
}

/* The four forms an item can have, from the narrowest to the widest (§5). */
static bool is_blocked(const struct account *account, const struct jid *jid)
{
    const struct blocklist *list = account->blocklist;

    if (list == NULL || list->items == NULL || jid_bare_equal(jid, account->jid))
        return false;
    if (find(list, jid->full) || is_blocked_as_a_whole(list, jid))
        return true;
    if (jid->local == NULL || jid->resource == NULL)
        return false;
    char *domain_resource = xasprintf("%s/%s", jid->domain, jid->resource);
    bool found = find(list, domain_resource) != NULL;
    free(domain_resource);
    return found;
}

static void add_items(struct element *parent, const struct blocklist *list)
{
    for (const struct blocked *item = list->items; item; item = item->hh.next)
        element_set(element_add(parent, NS_BLOCKING, "item"), "jid", item->jid->full);
}

static void note_sent(struct session *session)
{
    pushed_sent(&session->blocklist, session->account->blocklist->version, smacks_sent(session));
}

static void get(struct sm_request *request)
{
    struct stanza *result = stanza_result(request->iq);
    struct session *session = request->session;

    add_items(element_add(result->root, NS_BLOCKING, "blocklist"), request->account->blocklist);
    if (session) {
        session->blocking_interested = true;
        smacks_row_touch(session);
    }
    sm_reply_take(request, result);
    if (session)
        note_sent(session);
}

static struct stanza *push_new(const struct session *session)
{
    struct stanza *iq = stanza_new(STANZA_IQ, IQ_SET);
    char id[2 * 8 + 1];

    crypto_random_hex(id, 8);
    element_set(iq->root, "id", id);
    stanza_set_to(iq, session->jid);
    return iq;
}

/* Tells every resource that has asked for the list what was done to it (§3.3, §3.4). */
static void push(struct account *account, const struct element *change)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (!session->blocking_interested || !session_connected(session))
            continue;
        struct stanza *iq = push_new(session);
        element_add_copy(iq->root, change);
        session_send_take(session, iq);
        note_sent(session);
    }
}

/* Which of the changes it has missed is not known, so it is told of all of them: that nobody is
 * blocked, and then who is (§3.3, §3.4). */
static void tell_anew(struct session *session)
{
    const struct blocklist *list = session->account->blocklist;
    struct stanza *iq;

    if (!session->blocking_interested || !list || list->version == session->blocklist.has)
        return;
    iq = push_new(session);
    element_add(iq->root, NS_BLOCKING, "unblock");
    session_send_take(session, iq);
    if (list->items) {
        iq = push_new(session);
        add_items(element_add(iq->root, NS_BLOCKING, "block"), list);
        session_send_take(session, iq);
    }
    note_sent(session);
}

/* Runs for every item of a request that has been checked. */
static void each_item(struct sm_request *request,
                      void (*run)(struct sm_request *request, const struct jid *jid, void *user),
                      void *user)
{
    ELEMENT_FOREACH (item, request->payload) {
        struct jid jid;
        const char *text = element_get(item, "jid");
        if (element_is(item, NS_BLOCKING, "item") && text &&
            jid_parse(request->iq->arena, text, &jid) == 0)
            run(request, &jid, user);
    }
}

/* -1: fine. */
static int check_items(struct sm_request *request, size_t *count)
{
    *count = 0;
    ELEMENT_FOREACH (item, request->payload) {
        struct jid jid;
        const char *text = element_get(item, "jid");
        if (!element_is(item, NS_BLOCKING, "item") || text == NULL)
            return STANZA_BAD_REQUEST;
        if (jid_parse(request->iq->arena, text, &jid) != 0)
            return STANZA_JID_MALFORMED;
        ++*count;
    }
    return -1;
}

static void store_version(struct sm_unit *unit, const struct account *account)
{
    sm_add_values(unit, &version_statement, DB_INT(account->owner),
                  DB_INT(account->blocklist->version + 1));
}

static void store_block(struct sm_request *request, const struct jid *jid, void *user)
{
    struct key key = key_of(jid);

    sm_add_values(user, &block_statement, DB_INT(request->account->owner), KEY(key),
                  DB_TEXT(jid->full));
}

static void store_unblock(struct sm_request *request, const struct jid *jid, void *user)
{
    struct key key = key_of(jid);

    sm_add_values(user, &unblock_statement, DB_INT(request->account->owner), KEY(key));
}

/* Calls run() for the address itself and, if it is a whole domain, for each contact there who may
 * see the account. */
static void each_covered(struct account *account, const struct jid *jid,
                         void (*run)(struct account *account, const struct jid *jid))
{
    run(account, jid);
    if (jid->local || jid->resource)
        return;
    ROSTER_ITEMS (item, account) {
        if (item->jid->local && strcmp(item->jid->domain, jid->domain) == 0)
            run(account, item->jid);
    }
}

static void hide(struct account *account, const struct jid *jid)
{
    if (subscription_from(roster_subscription(account, jid->bare)) &&
        !jid_bare_equal(jid, account->jid))
        presence_hide(account, jid);
}

/* Who may see the presence sees the account go, then nothing more (§3.3). */
static void apply_block(struct sm_request *request, const struct jid *jid, void *user)
{
    (void)user;
    each_covered(request->account, jid, hide);
    directed_end_within(request->account, jid);
    add(request->account->blocklist, jid);
}

static void show_again(struct account *account, const struct jid *jid)
{
    if (!is_blocked(account, jid) && sm_shares_presence(account, jid))
        presence_show(account, jid);
}

static void apply_unblock(struct sm_request *request, const struct jid *jid, void *user)
{
    struct blocked *item = find(request->account->blocklist, jid->full);

    (void)user;
    if (item == NULL)
        return;
    drop(request->account->blocklist, item);
    each_covered(request->account, jid, show_again);
}

static void on_blocked(struct account *account, int status, const struct db_result *results,
                       void *user)
{
    struct sm_request *request = user;

    (void)results;
    if (status != 0 || account->blocklist == NULL) { /* the account was dropped meanwhile */
        sm_fail(request, status ? status : ERR_FENCED);
        return;
    }
    account->blocklist->version++;
    reports_take(request);
    each_item(request, apply_block, NULL);
    push(account, request->payload);
    sm_result(request);
}

static void count_new(struct sm_request *request, const struct jid *jid, void *user)
{
    size_t *count = user;

    if (!find(request->account->blocklist, jid->full))
        ++*count;
}

static bool fits(struct sm_request *request)
{
    size_t count = HASH_COUNT(request->account->blocklist->items);

    each_item(request, count_new, &count);
    return count <= request->sm->limits.blocklist_items;
}

static void block(struct sm_request *request)
{
    size_t count;
    int problem = check_items(request, &count);

    if (problem < 0 && count == 0)
        problem = STANZA_BAD_REQUEST;
    if (problem < 0 && !fits(request)) {
        limit_reached("blocklist-size");
        sm_error(request, STANZA_RESOURCE_CONSTRAINT, "too many addresses are blocked");
        return;
    }
    if (problem >= 0) {
        sm_error(request, (enum stanza_condition)problem, NULL);
        return;
    }
    struct sm_unit *unit = sm_unit_new(request->account, SM_WRITE);
    store_version(unit, request->account);
    each_item(request, store_block, unit);
    sm_submit(unit, on_blocked, request);
}

static void unblock_everybody(struct account *account)
{
    struct blocked *before = account->blocklist->items, *item, *next;

    account->blocklist->items = NULL;
    HASH_ITER (hh, before, item, next) {
        each_covered(account, item->jid, show_again);
    }
    account->blocklist->items = before;
    drop_all(account->blocklist);
}

static void on_unblocked(struct account *account, int status, const struct db_result *results,
                         void *user)
{
    struct sm_request *request = user;

    (void)results;
    if (status != 0 || account->blocklist == NULL) { /* the account was dropped meanwhile */
        sm_fail(request, status ? status : ERR_FENCED);
        return;
    }
    account->blocklist->version++;
    if (element_first(request->payload))
        each_item(request, apply_unblock, NULL);
    else
        unblock_everybody(account);
    push(account, request->payload);
    sm_result(request);
}

static void unblock(struct sm_request *request)
{
    size_t count;
    int problem = check_items(request, &count);

    if (problem >= 0) {
        sm_error(request, (enum stanza_condition)problem, NULL);
        return;
    }
    struct sm_unit *unit = sm_unit_new(request->account, SM_WRITE);
    store_version(unit, request->account);
    if (count == 0)
        sm_add_values(unit, &unblock_all_statement, DB_INT(request->account->owner));
    else
        each_item(request, store_unblock, unit);
    sm_submit(unit, on_unblocked, request);
}

static enum sm_verdict outgoing(struct session *session, struct stanza *stanza)
{
    struct account *account = session->account;

    if (!stanza->has_to || !is_blocked(account, &stanza->to))
        return SM_PASS;
    struct stanza *error = stanza_error(stanza, STANZA_NOT_ACCEPTABLE, NULL);
    if (error)
        element_add(stanza_error_element(error), NS_BLOCKING_ERRORS, "blocked");
    if (error)
        session_send_take(session, error);
    return SM_HANDLED;
}

/* Of one occupant whom the user does not want to hear: a room that got an error for it would take
 * the user out (XEP-0045 §18.1.4). */
static bool is_of_occupant(const struct account *account, const struct stanza *stanza)
{
    return stanza->kind == STANZA_MESSAGE &&
           (stanza->type == MESSAGE_GROUPCHAT || content_is_of_room(stanza)) &&
           !is_blocked_as_a_whole(account->blocklist, &stanza->from);
}

/* Presence disappears, replies disappear, the rest finds nobody (§3.3). */
static enum sm_verdict incoming(struct account *account, struct stanza *stanza)
{
    if (!stanza->has_from || !is_blocked(account, &stanza->from))
        return SM_PASS;
    if (stanza->kind != STANZA_PRESENCE && !is_of_occupant(account, stanza))
        sm_refuse(account->sm, stanza, STANZA_SERVICE_UNAVAILABLE, NULL);
    return SM_HANDLED;
}

static const struct sm_iq iqs[] = {
    {NS_BLOCKING, "blocklist", SM_GET, SM_TO_SELF, get},
    {NS_BLOCKING, "block", SM_SET, SM_TO_SELF, block},
    {NS_BLOCKING, "unblock", SM_SET, SM_TO_SELF, unblock},
    {0},
};

static const char *const features[] = {NS_BLOCKING, NULL};
static const struct spec specs[] = {{"XEP-0191", "1.3", NULL}, {0}};

const struct sm_module blocking_module = {
    .name = "blocking",
    .specs = specs,
    .server_features = features,
    .account_features = features,
    .iqs = iqs,
    .load = &load_statement,
    .loaded = loaded,
    .unload = unload,
    .outgoing = outgoing,
    .incoming = incoming,
    .blocks = is_blocked,
    .tell_anew = tell_anew,
};
