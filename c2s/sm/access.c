/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Client access management (XEP-0494): which clients have access to the account, and taking it from
 * one. Clients that log in as RFC 6120 has it do not say who they are; they are listed while they
 * are connected.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/sm.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

#define NS_CAM         "urn:xmpp:cam:0"
#define REFERENCE_SIZE 16 /* of the hash, in hex */

static const struct db_statement list_statement = {
    .name = "client_list",
    .sql = "SELECT c.device, c.software, c.name, c.password,"
           " (extract(epoch FROM c.first_seen) * 1000000)::bigint,"
           " (extract(epoch FROM c.last_seen) * 1000000)::bigint,"
           " EXISTS (SELECT 1 FROM token t WHERE t.owner = $1::bigint AND t.device = c.device)"
           " FROM client c WHERE c.owner = $1::bigint ORDER BY c.last_seen DESC",
    .parameters = 1,
};

static const struct db_statement revoke_statement = {
    .name = "client_revoke",
    .sql = "DELETE FROM token WHERE owner = $1::bigint AND device = $2",
    .parameters = 2,
};

static const struct db_statement forget_statement = {
    .name = "client_forget",
    .sql = "DELETE FROM client WHERE owner = $1::bigint AND device = $2 AND NOT password",
    .parameters = 2,
};

/* What stands for a device to others: its id may be what it is known by elsewhere. */
static void refer(const char *device, char reference[REFERENCE_SIZE + 1])
{
    uint8_t digest[CRYPTO_HASH_MAX];

    crypto_digest(CRYPTO_SHA256, device, strlen(device), digest);
    for (size_t i = 0; i < REFERENCE_SIZE / 2; i++)
        snprintf(reference + 2 * i, 3, "%02x", digest[i]);
}

static bool is_connected(const struct account *account, const char *device)
{
    const struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session_connected(session) && session->device && strcmp(session->device, device) == 0)
            return true;
    }
    return false;
}

/* --- <list/> --- */

static struct element *add_client(struct element *clients, const char *device, bool connected)
{
    struct element *client = element_add(clients, NS_CAM, "client");
    char reference[REFERENCE_SIZE + 1];

    refer(device, reference);
    element_set(client, "id", reference);
    element_set(client, "connected", connected ? "true" : "false");
    element_set(client, "type", "session");
    return client;
}

static void add_time(struct element *client, const char *name, int64_t time_us)
{
    char stamp[DATETIME_SIZE];

    datetime_format(time_us, stamp);
    element_add_with_text(client, NS_CAM, name, stamp);
}

static void add_permission(struct element *client)
{
    element_set(element_add(client, NS_CAM, "permission"), "status", "unrestricted");
}

static void add_row(struct element *clients, const struct account *account,
                    const struct db_result *rows, size_t row)
{
    const char *device = db_get_text(rows, row, 0), *software = db_get_text(rows, row, 1);
    const char *name = db_get_text(rows, row, 2);
    struct element *client = add_client(clients, device, is_connected(account, device));
    struct element *auth, *agent;

    add_time(client, "first-seen", db_get_int(rows, row, 4));
    add_time(client, "last-seen", db_get_int(rows, row, 5));
    auth = element_add(client, NS_CAM, "auth");
    if (db_get_bool(rows, row, 3))
        element_add(auth, NS_CAM, "password");
    if (db_get_bool(rows, row, 6))
        element_add(auth, NS_CAM, "fast");
    add_permission(client);
    agent = element_add(client, NS_CAM, "user-agent");
    if (software)
        element_add_with_text(agent, NS_CAM, "software", software);
    if (name)
        element_add_with_text(agent, NS_CAM, "device", name);
}

static bool has_row(const struct db_result *rows, const char *device)
{
    for (size_t row = 0; row < db_rows(rows); row++)
        if (strcmp(db_get_text(rows, row, 0), device) == 0)
            return true;
    return false;
}

/* The full JID is all that is known of them, and of those that the server has named not even which
 * device it is. */
static void add_unnamed(struct element *clients, const struct account *account,
                        const struct db_result *rows)
{
    const struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        const char *device = session->device ? session->device : session->jid->resource;
        struct element *client;

        if (!session_connected(session) || has_row(rows, device))
            continue;
        client = add_client(clients, device, true);
        element_add(element_add(client, NS_CAM, "auth"), NS_CAM, "password");
        add_permission(client);
        element_add_with_text(element_add(client, NS_CAM, "user-agent"), NS_CAM, "device",
                              session->jid->resource);
    }
}

static void on_listed(struct account *account, int status, const struct db_result *results,
                      void *user)
{
    struct sm_request *request = user;
    struct stanza *result;
    struct element *clients;

    if (status < 0) {
        sm_fail(request, status);
        return;
    }
    result = stanza_result(request->iq);
    clients = element_add(result->root, NS_CAM, "clients");
    for (size_t row = 0; row < db_rows(&results[0]); row++)
        add_row(clients, account, &results[0], row);
    add_unnamed(clients, account, &results[0]);
    sm_reply_take(request, result);
}

static void read_clients(struct sm_request *request, sm_done *done)
{
    const struct db_value owner = DB_INT(request->account->owner);

    sm_query(request->account, SM_READ_HELD, &list_statement, &owner, done, request);
}

static void list(struct sm_request *request)
{
    read_clients(request, on_listed);
}

/* --- <revoke/> --- */

static bool is_meant(const struct sm_request *request, const char *device)
{
    const char *id = element_get(request->payload, "id");
    char reference[REFERENCE_SIZE + 1];

    refer(device, reference);
    return id && strcmp(id, reference) == 0;
}

/* It knows the password, which only another one keeps out (§3.2). */
static void say_reset_required(struct sm_request *request)
{
    struct stanza *error = stanza_error(request->iq, STANZA_SERVICE_UNAVAILABLE, NULL);
    struct element *element = error ? element_find(error->root, NS_CLIENT, "error") : NULL;

    if (element)
        element_add(element, NS_CAM, "password-reset-required");
    sm_reply_take(request, error);
}

static void end_sessions(struct account *account, const char *device, const struct session *keep)
{
    struct session *session, *next;

    DL_FOREACH_SAFE (account->sessions, session, next) {
        const char *own = session->device ? session->device : session->jid->resource;
        if (session != keep && strcmp(own, device) == 0)
            session_kick(session, STREAM_NOT_AUTHORIZED, "access was revoked");
    }
}

static void on_revoked(struct account *account UNUSED, int status,
                       const struct db_result *results UNUSED, void *user)
{
    struct sm_request *request = user;

    if (status < 0)
        sm_fail(request, status);
    else
        sm_result(request);
}

static void on_revoked_but(struct account *account UNUSED, int status,
                           const struct db_result *results UNUSED, void *user)
{
    struct sm_request *request = user;

    if (status < 0)
        sm_fail(request, status);
    else
        say_reset_required(request);
}

static void revoke_row(struct account *account, struct sm_request *request, const char *device,
                       bool password)
{
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);

    sm_add_values(unit, &revoke_statement, DB_INT(account->owner), DB_TEXT(device));
    sm_add_values(unit, &forget_statement, DB_INT(account->owner), DB_TEXT(device));
    end_sessions(account, device, request->session);
    sm_submit(unit, password ? on_revoked_but : on_revoked, request);
}

static bool revoke_unnamed(struct account *account, struct sm_request *request)
{
    const struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        const char *device = session->device ? session->device : session->jid->resource;
        if (session_connected(session) && is_meant(request, device)) {
            end_sessions(account, device, request->session);
            return true;
        }
    }
    return false;
}

static void on_found(struct account *account, int status, const struct db_result *results,
                     void *user)
{
    struct sm_request *request = user;

    if (status < 0) {
        sm_fail(request, status);
        return;
    }
    for (size_t row = 0; row < db_rows(&results[0]); row++) {
        const char *device = db_get_text(&results[0], row, 0);
        if (is_meant(request, device)) {
            revoke_row(account, request, device, db_get_bool(&results[0], row, 3));
            return;
        }
    }
    if (revoke_unnamed(account, request))
        say_reset_required(request);
    else
        sm_error(request, STANZA_ITEM_NOT_FOUND, NULL);
}

static void revoke(struct sm_request *request)
{
    if (element_get(request->payload, "id"))
        read_clients(request, on_found);
    else
        sm_error(request, STANZA_BAD_REQUEST, NULL);
}

static void refuse(struct sm_request *request)
{
    sm_error(request, STANZA_FORBIDDEN, NULL);
}

#define SOMEBODY_ELSE (SM_TO_ACCOUNT | SM_TO_NOBODY)

static const struct sm_iq iqs[] = {
    {NS_CAM, "list", SM_GET, SM_TO_SELF, list},
    {NS_CAM, "revoke", SM_SET, SM_TO_SELF, revoke},
    {NS_CAM, "list", SM_GET, SOMEBODY_ELSE, refuse},
    {NS_CAM, "revoke", SM_SET, SOMEBODY_ELSE, refuse},
    {0},
};

static const char *const features[] = {NS_CAM, NULL};
static const struct spec specs[] = {
    {"XEP-0386", "1.1.0", NULL},
    {"XEP-0494", "0.1.0", NULL},
    {0},
};

const struct sm_module access_module = {
    .name = "access",
    .specs = specs,
    .account_features = features,
    .iqs = iqs,
};
