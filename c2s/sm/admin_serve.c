/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a worker does for the administration of its accounts, when a worker of this node asks.
 */
#include <string.h>

#include "c2s/account_work.h"
#include "c2s/sm/admin.h"
#include "c2s/sm/notices.h"
#include "c2s/sm/roster.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/xmpp/datetime.h"

#define NS_ROSTER "jabber:iq:roster"

bool admin_is_ours(const struct sm *sm, const struct stanza *stanza)
{
    return stanza->has_from && !stanza->from.local && stanza->from.resource &&
           strcmp(stanza->from.domain, worker_host(sm->worker)) == 0;
}

static struct element *begin_answer(struct sm_request *request, struct stanza **answer)
{
    *answer = stanza_result(request->iq);
    return element_add((*answer)->root, NS_ADMIN, request->payload->name);
}

static void answer(struct sm_request *request, const char *problem)
{
    struct stanza *result;

    element_set(begin_answer(request, &result), "problem", problem);
    sm_reply_take(request, result);
}

/* --- changes --- */

static void on_worked(void *user, const char *problem, const struct account_revoked *revoked UNUSED)
{
    answer(user, problem);
}

static void change(struct sm_request *request, enum account_change what)
{
    account_work(request->sm->worker, what, &request->iq->to,
                 element_get(request->payload, "password"), on_worked, request);
}

static void add(struct sm_request *request)
{
    change(request, ACCOUNT_ADD);
}

static void passwd(struct sm_request *request)
{
    change(request, ACCOUNT_PASSWORD);
}

static void del(struct sm_request *request)
{
    change(request, ACCOUNT_DELETE);
}

static void disable(struct sm_request *request)
{
    change(request, ACCOUNT_DISABLE);
}

static void enable(struct sm_request *request)
{
    change(request, ACCOUNT_ENABLE);
}

static void kick(struct sm_request *request)
{
    const char *resource = element_get(request->payload, "resource");
    struct session *session, *next;
    size_t count = 0;

    DL_FOREACH_SAFE (request->account->sessions, session, next) {
        if (!resource || strcmp(session->jid->resource, resource) == 0) {
            session_kick(session, STREAM_NOT_AUTHORIZED, "ended by an administrator");
            count++;
        }
    }
    answer(request, count > 0 ? NULL : "there is no such session");
}

/* --- what is told --- */

static void roster(struct sm_request *request)
{
    struct stanza *result;
    struct element *query = element_add(begin_answer(request, &result), NS_ROSTER, "query");

    ROSTER_ITEMS (item, request->account) {
        if (!item->removed)
            roster_add_item(query, item);
    }
    sm_reply_take(request, result);
}

static const struct db_statement last_statement = {
    .name = "admin_last",
    .sql = "SELECT (extract(epoch FROM last_seen) * 1000000)::bigint FROM account"
           " WHERE owner = $1::bigint",
    .parameters = 1,
};

static void answer_last(struct sm_request *request, int64_t when_us)
{
    char text[DATETIME_SIZE];
    struct stanza *result;
    struct element *element = begin_answer(request, &result);

    datetime_format(when_us, text);
    element_set(element, "last", text);
    sm_reply_take(request, result);
}

static void on_last(struct account *account UNUSED, int status, const struct db_result *results,
                    void *user)
{
    if (status < 0)
        answer(user, account_work_problem(status));
    else if (db_rows(&results[0]) == 0 || db_is_null(&results[0], 0, 0))
        answer(user, NULL);
    else
        answer_last(user, db_get_int(&results[0], 0, 0));
}

/* Who is here has logged in when its newest client came. */
static void last(struct sm_request *request)
{
    const struct session *session;
    int64_t newest_us = 0;

    ACCOUNT_SESSIONS (session, request->account) {
        uint64_t now_us = clock_monotonic_us();
        if (session->client)
            newest_us =
                MAX(newest_us, clock_wall_us() - (int64_t)(now_us - client_since(session->client)));
    }
    if (newest_us > 0) {
        answer_last(request, newest_us);
        return;
    }
    const struct db_value owner = DB_INT(request->account->owner);
    sm_query(request->account, SM_READ_ASIDE, &last_statement, &owner, on_last, request);
}

static void statistics(struct sm_request *request)
{
    struct stanza *result;
    struct element *element = begin_answer(request, &result);
    const struct session *session;
    size_t contacts = 0;

    ROSTER_ITEMS (item, request->account) {
        contacts += !item->removed;
    }
    element_set(element, "contacts", arena_printf(result->arena, "%zu", contacts));
    ACCOUNT_SESSIONS (session, request->account) {
        struct element *one = element_add(element, NS_ADMIN, "session");
        element_set(one, "resource", session->jid->resource);
        element_set(one, "address", session->client ? client_address(session->client) : NULL);
    }
    sm_reply_take(request, result);
}

struct duty {
    const char *name;
    void (*run)(struct sm_request *request);
    bool for_nobody; /* there need not be such an account */
};

static const struct duty account_duties[] = {
    {"add", add, true},          {"passwd", passwd, false},         {"del", del, false},
    {"disable", disable, false}, {"enable", enable, false},         {"kick", kick, false},
    {"roster", roster, false},   {"statistics", statistics, false}, {"last", last, false},
};

static const struct duty *find_duty(const struct duty *duties, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++) {
        if (strcmp(duties[i].name, name) == 0)
            return &duties[i];
    }
    return NULL;
}

static void serve_account(struct sm_request *request)
{
    const struct duty *duty =
        find_duty(account_duties, ARRAY_SIZE(account_duties), element_get(request->payload, "do"));

    if (!admin_is_ours(request->sm, request->iq))
        sm_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
    else if (!duty)
        sm_error(request, STANZA_FEATURE_NOT_IMPLEMENTED, NULL);
    else if (!request->account && !duty->for_nobody)
        answer(request, account_work_problem(ERR_NOT_FOUND));
    else
        duty->run(request);
}

/* --- all accounts of this worker --- */

static bool is_idle(const struct session *session)
{
    const char *show =
        session->presence ? element_child_text(session->presence->root, NS_CLIENT, "show") : NULL;

    return !session->client || session->csi ||
           (show && (strcmp(show, "away") == 0 || strcmp(show, "xa") == 0));
}

/* The user is idle if every client is. */
static bool is_in(const struct account *account, const char *state)
{
    const struct session *session;
    bool online = false, active = false;

    ACCOUNT_SESSIONS (session, account) {
        online = online || session_connected(session);
        active = active || (session_connected(session) && !is_idle(session));
    }
    if (strcmp(state, "active") == 0)
        return active;
    return strcmp(state, "idle") == 0 ? online && !active : online;
}

static void list(struct sm_request *request)
{
    const char *state = element_get(request->payload, "state");
    struct stanza *result;
    struct element *element = begin_answer(request, &result);
    size_t count = 0;

    for (const struct account *at = request->sm->accounts; at; at = at->hh.next) {
        if (!at->sessions || !is_in(at, state ? state : "online"))
            continue;
        if (count++ < ADMIN_LIST_MAX)
            element_add_with_text(element, NS_ADMIN, "jid", at->jid->bare);
    }
    element_set(element, "count", arena_printf(result->arena, "%zu", count));
    sm_reply_take(request, result);
}

static void announce_to(struct session *session, const struct element *payload,
                        const struct jid *from)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_HEADLINE);

    stanza_set_from(message, from);
    stanza_set_to(message, session->jid);
    ELEMENT_FOREACH (child, payload) {
        element_add_with_text(message->root, NS_CLIENT, child->name, element_text(child));
    }
    session_send_take(session, message);
}

static void announce(struct sm_request *request)
{
    struct stanza *result;
    struct element *element = begin_answer(request, &result);
    struct session *session;
    struct jid from;
    size_t count = 0;

    if (jid_make(result->arena, NULL, worker_network(request->sm->worker), NULL, &from) < 0)
        from = request->iq->from;
    for (struct account *at = request->sm->accounts; at; at = at->hh.next) {
        ACCOUNT_SESSIONS (session, at) {
            if (session_available(session)) {
                announce_to(session, request->payload, &from);
                count++;
            }
        }
    }
    element_set(element, "count", arena_printf(result->arena, "%zu", count));
    sm_reply_take(request, result);
}

static void on_renewed(void *user, size_t count)
{
    struct stanza *result;
    struct element *element = begin_answer(user, &result);

    element_set(element, "count", arena_printf(result->arena, "%zu", count));
    sm_reply_take(user, result);
}

static void notices(struct sm_request *request)
{
    notices_renew(request->sm, on_renewed, request);
}

static const struct duty worker_duties[] = {
    {"list", list, true}, {"announce", announce, true}, {"notices", notices, true}};

static void serve_worker(struct sm_request *request)
{
    const struct duty *duty =
        find_duty(worker_duties, ARRAY_SIZE(worker_duties), element_get(request->payload, "do"));

    if (!admin_is_ours(request->sm, request->iq))
        sm_error(request, STANZA_SERVICE_UNAVAILABLE, NULL);
    else if (!duty)
        sm_error(request, STANZA_FEATURE_NOT_IMPLEMENTED, NULL);
    else
        duty->run(request);
}

const struct sm_iq admin_iqs[] = {
    {NS_ADMIN, "account", SM_SET, SM_TO_ACCOUNT | SM_TO_NOBODY, serve_account},
    {NS_ADMIN, "worker", SM_SET, SM_TO_SERVER, serve_worker},
    {0},
};
