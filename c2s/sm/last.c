/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Last Activity (XEP-0012): for how long the server runs, and when an account was last online, for
 * those who may see its presence.
 */
#include <inttypes.h>

#include "c2s/sm/sm.h"
#include "common/base/clock.h"
#include "common/xmpp/datetime.h"

#define NS_LAST "jabber:iq:last"

static const struct db_statement read_statement = {
    .name = "last_read",
    .sql = "SELECT (extract(epoch FROM last_seen) * 1000000)::bigint, last_status FROM account"
           " WHERE owner = $1::bigint",
    .parameters = 1,
};

static const struct db_statement write_statement = {
    .name = "last_write",
    .sql = "UPDATE account SET last_seen = $2::timestamptz, last_status = $3"
           " WHERE owner = $1::bigint",
    .parameters = 3,
};

static void answer(struct sm_request *request, uint64_t seconds, const char *status)
{
    struct stanza *result = stanza_result(request->iq);
    struct element *query = element_add(result->root, NS_LAST, "query");

    element_set(query, "seconds", arena_printf(result->arena, "%" PRIu64, seconds));
    if (status && status[0] != '\0')
        element_add_text(query, status);
    sm_reply_take(request, result);
}

static void uptime(struct sm_request *request)
{
    answer(request, (clock_monotonic_ms() - request->sm->started_ms) / 1000, NULL);
}

static void on_read(struct account *account UNUSED, int status, const struct db_result *results,
                    void *user)
{
    struct sm_request *request = user;

    if (status != 0) {
        sm_fail(request, status);
        return;
    }
    if (db_rows(&results[0]) == 0 || db_is_null(&results[0], 0, 0)) {
        sm_error(request, STANZA_ITEM_NOT_FOUND, "never seen");
        return;
    }
    int64_t ago = clock_wall_us() - db_get_int(&results[0], 0, 0);
    answer(request, ago > 0 ? (uint64_t)ago / 1000000 : 0, db_get_text(&results[0], 0, 1));
}

static void account_last(struct sm_request *request)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, request->account) {
        if (session_available(session)) {
            answer(request, 0, NULL);
            return;
        }
    }
    const struct db_value owner = DB_INT(request->account->owner);
    sm_query(request->account, sm_access_of(request), &read_statement, &owner, on_read, request);
}

static void account_last_to_other(struct sm_request *request)
{
    if (sm_shares_presence(request->account, &request->iq->from))
        account_last(request);
    else
        sm_error(request, STANZA_FORBIDDEN, NULL); /* §4 */
}

/* Whether there is an account at all is nobody's business either. */
static void nobody_last(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

/* The status text of the unavailable presence says why it went (§3). */
static void remember(struct session *session, struct stanza *presence)
{
    const char *status = presence ? element_child_text(presence->root, NS_CLIENT, "status") : NULL;
    struct account *account = session->account;
    char now[DATETIME_SIZE];

    if (account->state != ACCOUNT_READY)
        return;
    datetime_format(clock_wall_us(), now);
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);
    sm_add_values(unit, &write_statement, DB_INT(account->owner), DB_TEXT(now), DB_TEXT(status));
    sm_submit(unit, NULL, NULL);
}

/* Requests to a resource of an account that does not show its presence to the sender (§4). */
static enum sm_verdict incoming(struct account *account, struct stanza *stanza)
{
    if (stanza->type != IQ_GET || !stanza->has_from || !stanza->to.resource ||
        !element_is(stanza_payload(stanza), NS_LAST, "query") ||
        sm_shares_presence(account, &stanza->from))
        return SM_PASS;
    sm_refuse(account->sm, stanza, STANZA_FORBIDDEN, NULL);
    return SM_HANDLED;
}

static const struct sm_iq iqs[] = {
    {NS_LAST, "query", SM_GET, SM_TO_SERVER, uptime},
    {NS_LAST, "query", SM_GET, SM_TO_SELF, account_last},
    {NS_LAST, "query", SM_GET, SM_TO_ACCOUNT, account_last_to_other},
    {NS_LAST, "query", SM_GET, SM_TO_NOBODY, nobody_last},
    {0},
};

static const char *const features[] = {NS_LAST, NULL};
static const struct spec specs[] = {{"XEP-0012", "2.0", NULL}, {0}};

const struct sm_module last_module = {
    .name = "last",
    .specs = specs,
    .server_features = features,
    .account_features = features,
    .iqs = iqs,
    .session_unavailable = remember,
    .incoming = incoming,
};
