/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalkctl asks of a running c2s: accounts and sessions. Changes apply to live sessions.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/account_work.h"
#include "c2s/accounts.h"
#include "c2s/client.h"
#include "c2s/directory/directory.h"
#include "c2s/front/front.h"
#include "c2s/worker.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/table.h"
#include "common/service/certificates.h"

#define LIST_MAX 100000

static void on_changed(void *user, const char *problem, const struct account_revoked *revoked)
{
    for (size_t i = 0; i < account_revoked_count(revoked); i++) {
        char *name = account_revoked_name(revoked, i);
        control_print(user, "no longer logged in: %s", name);
        free(name);
    }
    control_end(user, problem);
}

/* NULL: answered. */
static struct jid *read_account(struct worker *worker, struct control_request *request,
                                const char *text, bool new_account)
{
    struct arena *arena = arena_new();
    struct jid jid, *account = NULL;

    if (jid_parse(arena, text, &jid) != 0 || jid.local == NULL || jid.resource != NULL)
        control_end(request, "not the address of an account");
    else if (!worker_serves(worker, jid.domain))
        control_end(request, "this domain is not served here");
    else if (new_account && !account_registrable(text, &jid))
        control_end(request, "this name cannot be registered");
    else
        account = jid_dup(&jid);
    arena_free(arena);
    return account;
}

static void begin(struct worker *worker, struct control_request *request, enum account_change what,
                  size_t argc, const char *const *argv)
{
    struct jid *account = read_account(worker, request, argv[0], what == ACCOUNT_ADD);

    if (account == NULL)
        return;
    account_work(worker, what, account, argc > 1 ? argv[1] : NULL, on_changed, request);
    free(account);
}

static void user_add(void *state, struct control_request *request, size_t argc,
                     const char *const *argv)
{
    begin(state, request, ACCOUNT_ADD, argc, argv);
}

static void user_passwd(void *state, struct control_request *request, size_t argc,
                        const char *const *argv)
{
    begin(state, request, ACCOUNT_PASSWORD, argc, argv);
}

static void user_del(void *state, struct control_request *request, size_t argc,
                     const char *const *argv)
{
    begin(state, request, ACCOUNT_DELETE, argc, argv);
}

static void user_disable(void *state, struct control_request *request, size_t argc,
                         const char *const *argv)
{
    begin(state, request, ACCOUNT_DISABLE, argc, argv);
}

static void user_enable(void *state, struct control_request *request, size_t argc,
                        const char *const *argv)
{
    begin(state, request, ACCOUNT_ENABLE, argc, argv);
}

static void on_admin_set(void *user, int status, const struct db_result *results, size_t count)
{
    (void)count;
    if (status == 0 && db_affected(&results[0]) == 0)
        status = ERR_NOT_FOUND;
    control_end(user, status == 0 ? NULL : account_work_problem(status));
}

static void user_admin(void *state, struct control_request *request, size_t argc,
                       const char *const *argv)
{
    struct worker *worker = state;
    bool admin = argc < 2 || strcmp(argv[1], "no") != 0;
    struct jid *account = read_account(worker, request, argv[0], false);

    if (account == NULL)
        return;
    const struct db_value values[] = {DB_TEXT(account->domain), DB_TEXT(account->local),
                                      DB_BOOL(admin)};
    db_query(worker->db, slot_of(account->bare), &account_set_admin, values, on_admin_set, request);
    free(account);
}

struct listing {
    struct control_request *request;
    char *domain;
};

static void on_listed(void *user, int status, const struct db_result *results, size_t count)
{
    struct listing *listing = user;

    (void)count;
    for (size_t row = 0; status == 0 && row < db_rows(&results[0]); row++)
        control_print(listing->request, "%s@%s%s%s", db_get_text(&results[0], row, 0),
                      listing->domain, db_get_bool(&results[0], row, 1) ? " disabled" : "",
                      db_get_bool(&results[0], row, 2) ? " admin" : "");
    control_end(listing->request, status == 0 ? NULL : account_work_problem(status));
    free(listing->domain);
    free(listing);
}

static void user_list(void *state, struct control_request *request, size_t argc,
                      const char *const *argv)
{
    struct worker *worker = state;
    const char *domain = argc > 0 ? argv[0] : worker->network;
    struct listing *listing = xcalloc(1, sizeof(*listing));
    const struct db_value values[] = {DB_TEXT(domain), DB_TEXT(""), DB_INT(LIST_MAX)};

    listing->request = request;
    listing->domain = xstrdup(domain);
    db_read(worker->db, &account_list, values, on_listed, listing);
}

static void show_sessions(void *state, struct control_request *request, size_t argc,
                          const char *const *argv)
{
    struct worker *worker = state;
    struct client *client;

    (void)argc;
    (void)argv;
    DL_FOREACH (worker->clients, client) {
        struct tls_session *tls = transport_tls(&client->transport);
        control_print(request, "%s %s %s %s %s", client->jid ? client->jid->full : "-",
                      client_address(client), tls ? tls_version(tls) : "-",
                      client->jid ? sasl_mechanism_name(client->mechanism) : "-",
                      client->session ? "bound" : stream_state_name(stream_state(client->stream)));
    }
    control_end(request, NULL);
}

/* docs/DURABILITY.md */
static const char *promise(const struct worker *worker)
{
    if (worker->weak_settings == NULL)
        return "unknown";
    return *worker->weak_settings ? worker->weak_settings : "kept";
}

static void show_counts(void *state, struct control_request *request, size_t argc,
                        const char *const *argv)
{
    struct worker *worker = state;

    (void)argc;
    (void)argv;
    control_print(request, "clients %zu", worker->clients_count);
    control_print(request, "slots %zu", slots_count(worker->slots));
    control_print(request, "parsers_lent %zu", parser_pool_lent(worker->parsers));
    control_print(request, "database %s", db_available(worker->db) ? "up" : "down");
    control_print(request, "promise %s", promise(worker));
    control_print(request, "commits %" PRIu64 " of %" PRIu64 " units",
                  db_counters(worker->db)->groups, db_counters(worker->db)->units);
    front_show(worker->front, request);
    control_print(request, "router %s", link_is_up(worker->link) ? "up" : "down");
    control_end(request, NULL);
}

static void show_tls(void *state, struct control_request *request, size_t argc,
                     const char *const *argv)
{
    struct worker *worker = state;

    (void)argc;
    (void)argv;
    certificates_print(worker->domains->starttls, request);
    control_end(request, NULL);
}

const struct control_command worker_commands[] = {
    {"user add", 2, 2, user_add, "JID PASSWORD  add an account"},
    {"user passwd", 2, 2, user_passwd, "JID PASSWORD  change a password; its sessions end"},
    {"user del", 1, 1, user_del, "JID  remove an account with all it has"},
    {"user disable", 1, 1, user_disable, "JID  nobody logs in as it; its sessions end"},
    {"user enable", 1, 1, user_enable, "JID  it can be used again"},
    {"user admin", 1, 2, user_admin, "JID [no]  make an administrator, or no longer"},
    {"user list", 0, 1, user_list, "[DOMAIN]  the accounts"},
    {"show sessions", 0, 0, show_sessions,
     "  who is connected: JID, address, TLS, mechanism, state"},
    {"show counts", 0, 0, show_counts, "  how many, and what is up"},
    {"show tls", 0, 0, show_tls, "  the certificates that new clients are shown"},
    {0},
};
