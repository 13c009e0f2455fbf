/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Clients and their tokens at a login. Of the tokens of one client at most two are good: the one
 * that it has used last, and a newer one of which nobody knows yet whether it has arrived. Using
 * that ends the older (XEP-0484 §3.5), so that no loss of an answer locks a client out.
 */
#include "c2s/sm/clients.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/begin.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/utf8.h"
#include "common/sasl/sasl.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

/* Of one account; the one that was seen last longest ago is forgotten, with its tokens. */
#define CLIENTS_MAX "32"
/* Of what a client says about itself. */
#define TEXT_MAX 128
/* A token is replaced after such a part of its time. */
#define ROTATIONS 10
#define COUNT_MAX INT64_C(2147483647)

static const struct db_statement note_statement = {
    .name = "client_note",
    .sql = "INSERT INTO client (owner, device, software, name, first_seen, last_seen, password)"
           " VALUES ($1::bigint, $2, $3, $4, $5::timestamptz, $5::timestamptz, $6::boolean)"
           " ON CONFLICT (owner, device) DO UPDATE SET software = excluded.software,"
           " name = excluded.name, last_seen = excluded.last_seen,"
           " password = client.password OR excluded.password",
    .parameters = 6,
};

static const struct db_statement prune_statement = {
    .name = "client_prune",
    .sql = "DELETE FROM client WHERE owner = $1::bigint AND device NOT IN (SELECT device"
           " FROM client WHERE owner = $1::bigint ORDER BY last_seen DESC LIMIT " CLIENTS_MAX ")",
    .parameters = 1,
};

static const struct db_statement prune_tokens_statement = {
    .name = "token_prune",
    .sql = "DELETE FROM token WHERE owner = $1::bigint AND device NOT IN (SELECT device"
           " FROM client WHERE owner = $1::bigint)",
    .parameters = 1,
};

/* $4: the client's count, or NULL. What comes is when the token was issued, if it is good still. */
static const struct db_statement use_statement = {
    .name = "token_use",
    .sql = "WITH used AS (UPDATE token SET used = true,"
           " count = greatest(count, coalesce($4::bigint, count))"
           " WHERE owner = $1::bigint AND device = $2 AND token_id = $3::bigint"
           " AND ($4::bigint IS NULL OR count < $4::bigint) RETURNING issued, expires),"
           " ended AS (DELETE FROM token WHERE owner = $1::bigint AND device = $2"
           " AND token_id <> $3::bigint AND expires <= (SELECT expires FROM used))"
           " SELECT (extract(epoch FROM issued) * 1000000)::bigint FROM used",
    .parameters = 4,
};

static const struct db_statement drop_unused_statement = {
    .name = "token_drop_unused",
    .sql = "DELETE FROM token WHERE owner = $1::bigint AND device = $2 AND NOT used",
    .parameters = 2,
};

static const struct db_statement take_back_statement = {
    .name = "token_take_back",
    .sql = "DELETE FROM token WHERE owner = $1::bigint AND device = $2 AND token_id = $3::bigint",
    .parameters = 3,
};

static const struct db_statement drop_statement = {
    .name = "token_drop",
    .sql = "DELETE FROM token WHERE owner = $1::bigint AND device = $2",
    .parameters = 2,
};

static const struct db_statement issue_statement = {
    .name = "token_issue",
    .sql = "INSERT INTO token (owner, device, token_id, value, issued, expires)"
           " VALUES ($1::bigint, $2, $3::bigint, $4, $5::timestamptz, $6::timestamptz)",
    .parameters = 6,
};

struct noting {
    struct session *request;
    void (*done)(struct session *request, int condition);
    char *token; /* that it gets; NULL: none */
    int64_t token_id;
    int64_t expires_us;
};

static void end(struct noting *noting, int condition)
{
    struct session *request = noting->request;

    noting->done(request, condition);
    session_unref(request);
    if (noting->token)
        crypto_wipe(noting->token, strlen(noting->token));
    free(noting->token);
    free(noting);
}

/* --- what the client says --- */

/* As much of it as is kept; NULL: it says nothing. */
static char *text_of(const struct session *request, const char *name)
{
    const struct element *agent = element_find(begin_request(request), NS_SASL2, "user-agent");
    const char *text = agent ? element_child_text(agent, NS_SASL2, name) : NULL;

    return text && *text ? xasprintf("%.*s", (int)utf8_cut(text, TEXT_MAX), text) : NULL;
}

static const struct element *fast_of(const struct session *request)
{
    return element_find(begin_request(request), NS_FAST, "fast");
}

static uint64_t lifetime_ms(const struct session *request)
{
    struct worker *worker = request->account->sm->worker;
    int64_t ms = config_number(worker_config(worker), "domain", request->account->jid->domain,
                               "token-lifetime");

    return ms > 0 ? (uint64_t)ms : 0;
}

/* The mechanism of the token that it asks for; -1: it asks for none that there is. */
static int wanted_mechanism(const struct session *request)
{
    const struct element *wish = element_find(begin_request(request), NS_FAST, "request-token");
    const char *name = wish ? element_get(wish, "mechanism") : NULL;
    int mechanism = name ? sasl_mechanism_parse(name) : -1;

    if (mechanism < 0 || !sasl_mechanism_is_token((enum sasl_mechanism)mechanism) ||
        !begin_device(request) || lifetime_ms(request) == 0)
        return -1;
    return mechanism;
}

/* --- tokens --- */

static void add_token(const struct noting *noting)
{
    struct element *token;
    char expiry[DATETIME_SIZE];

    if (!noting->token)
        return;
    datetime_format(noting->expires_us, expiry);
    token = element_add(begin_results(noting->request), NS_FAST, "token");
    element_set(token, "token", noting->token);
    element_set(token, "expiry", expiry);
}

/* In place of one that it has never used. */
static void issue(struct sm_unit *unit, struct noting *noting, int mechanism)
{
    const struct session *request = noting->request;
    int64_t now_us = clock_wall_us(), owner = request->account->owner;
    char issued[DATETIME_SIZE], expires[DATETIME_SIZE], *kept;

    noting->expires_us = now_us + (int64_t)lifetime_ms(request) * 1000;
    datetime_format(now_us, issued);
    datetime_format(noting->expires_us, expires);
    crypto_random(&noting->token_id, sizeof(noting->token_id));
    noting->token_id &= INT64_MAX;
    sasl_token_make(mechanism, &noting->token, &kept);
    sm_add_values(unit, &drop_unused_statement, DB_INT(owner), DB_TEXT(begin_device(request)));
    sm_add_values(unit, &issue_statement, DB_INT(owner), DB_TEXT(begin_device(request)),
                  DB_INT(noting->token_id), DB_TEXT(kept), DB_TEXT(issued), DB_TEXT(expires));
    crypto_wipe(kept, strlen(kept));
    free(kept);
}

/* Its client has gone. That may be because the password that it has proven was changed at this
 * moment, and then it must not have a token that was made behind that. */
static void take_back(struct account *account, const struct noting *noting)
{
    struct sm_unit *unit;

    if (!noting->token || account->state != ACCOUNT_READY)
        return;
    unit = sm_unit_new(account, SM_WRITE_BEHIND);
    sm_add_values(unit, &take_back_statement, DB_INT(account->owner),
                  DB_TEXT(begin_device(noting->request)), DB_INT(noting->token_id));
    sm_submit(unit, NULL, NULL);
}

static void on_issued(struct account *account, int status, const struct db_result *results,
                      void *user)
{
    struct noting *noting = user;

    (void)results;
    if (!noting->request->client)
        take_back(account, noting);
    else if (status == 0)
        add_token(noting);
    end(noting, status == 0 ? -1 : SASL_TEMPORARY_AUTH_FAILURE);
}

static bool is_due(const struct session *request, int64_t issued_us)
{
    int64_t lifetime_us = (int64_t)lifetime_ms(request) * 1000;

    return lifetime_us > 0 && clock_wall_us() - issued_us >= lifetime_us / ROTATIONS;
}

/* The token is good. It may be the last time (§3.6), or the time for another (§3.5). */
static void go_on(struct noting *noting, int64_t issued_us)
{
    const struct session *request = noting->request;
    struct account *account = request->account;
    bool invalidate = xml_is_true(element_get(fast_of(request), "invalidate"));
    int mechanism = wanted_mechanism(request);
    struct sm_unit *unit;

    if (mechanism < 0 && !invalidate && is_due(request, issued_us))
        mechanism = begin_mechanism(request);
    if (mechanism < 0 && !invalidate) {
        end(noting, -1);
        return;
    }
    unit = sm_unit_new(account, SM_WRITE);
    if (invalidate)
        sm_add_values(unit, &drop_statement, DB_INT(account->owner),
                      DB_TEXT(begin_device(request)));
    if (mechanism >= 0)
        issue(unit, noting, mechanism);
    sm_submit(unit, on_issued, noting);
}

/* Gone meanwhile, or its count is not above what it was (§3.4): replayed. */
static void on_used(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct noting *noting = user;

    (void)account;
    if (status < 0)
        end(noting, SASL_TEMPORARY_AUTH_FAILURE);
    else if (db_rows(&results[0]) == 0)
        end(noting, SASL_NOT_AUTHORIZED);
    else
        go_on(noting, db_get_int(&results[0], 0, 0));
}

/* -1: none is given; -2: it is no count. */
static int64_t read_count(const struct session *request)
{
    const char *text = element_get(fast_of(request), "count");
    int64_t count = 0;

    if (!text)
        return -1;
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return -2;
    for (; *text; text++) {
        count = count * 10 + (*text - '0');
        if (count > COUNT_MAX)
            return -2;
    }
    return count;
}

static void add_use(struct sm_unit *unit, const struct session *request, int64_t count)
{
    char *text = count >= 0 ? xasprintf("%lld", (long long)count) : NULL;

    sm_add_values(unit, &use_statement, DB_INT(request->account->owner),
                  DB_TEXT(begin_device(request)), DB_INT(begin_token(request)), DB_TEXT(text));
    free(text);
}

/* --- clients --- */

static void add_note(struct sm_unit *unit, const struct session *request)
{
    int64_t owner = request->account->owner;
    char *software = text_of(request, "software"), *name = text_of(request, "device");
    char now[DATETIME_SIZE];

    datetime_format(clock_wall_us(), now);
    sm_add_values(unit, &note_statement, DB_INT(owner), DB_TEXT(begin_device(request)),
                  DB_TEXT(software), DB_TEXT(name), DB_TEXT(now),
                  DB_BOOL(begin_token(request) < 0));
    if (begin_token(request) < 0) { /* it may be a new one */
        sm_add_values(unit, &prune_statement, DB_INT(owner));
        sm_add_values(unit, &prune_tokens_statement, DB_INT(owner));
    }
    free(software);
    free(name);
}

void clients_note(struct session *request, void (*done)(struct session *request, int condition))
{
    struct noting *noting;
    struct sm_unit *unit;
    int mechanism = wanted_mechanism(request);
    int64_t count = begin_token(request) < 0 ? -1 : fast_of(request) ? read_count(request) : -2;

    if (!begin_device(request) || count < -1) {
        done(request, count < -1 ? SASL_MALFORMED_REQUEST : -1);
        return;
    }
    noting = xcalloc(1, sizeof(*noting));
    noting->request = request;
    noting->done = done;
    session_ref(request);
    unit = sm_unit_new(request->account, SM_WRITE);
    if (begin_token(request) >= 0) {
        add_use(unit, request, count);
        add_note(unit, request);
        sm_submit(unit, on_used, noting);
        return;
    }
    add_note(unit, request);
    if (mechanism >= 0)
        issue(unit, noting, mechanism);
    sm_submit(unit, on_issued, noting);
}
