/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalkctl asks about invitations.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/account_work.h"
#include "c2s/accounts.h"
#include "c2s/invitations.h"
#include "c2s/worker.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/config/number.h"
#include "common/tls/crypto.h"
#include "common/xmpp/datetime.h"

#define AFFINITY    0
#define LIST_MAX    10000
#define USES_MAX    10000
#define LIFE_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

static const struct db_statement list_statement = {
    .name = "invitation_list",
    .sql = "SELECT invitation_id, kind, coalesce(local || '@', '') || domain, admin, uses_left,"
           " (extract(epoch FROM expires) * 1000000)::bigint, creator FROM invitation"
           " WHERE uses_left > 0 AND expires > $1::timestamptz ORDER BY created, invitation_id"
           " LIMIT $2::bigint",
    .parameters = 2,
};

static const struct db_statement revoke_statement = {
    .name = "invitation_revoke",
    .sql = "DELETE FROM invitation WHERE invitation_id = $1",
    .parameters = 1,
};

/* --- create --- */

struct creation {
    struct control_request *request;
    struct jid *where;
    bool reset;
    struct invitation_made made;
};

static const char *problem_of(const struct creation *creation, int status, bool made)
{
    if (status != 0)
        return account_work_problem(status);
    if (made)
        return NULL;
    return creation->reset ? account_work_problem(ERR_NOT_FOUND)
                           : "the account exists already, or another invitation has its name";
}

static void on_created(void *user, int status, const struct db_result *results, size_t count)
{
    struct creation *creation = user;
    struct invitation_made *made = &creation->made;
    const char *problem =
        problem_of(creation, status, status == 0 && invitation_was_made(results, count));

    if (!problem) {
        control_print(creation->request, "%s %s %s %s", made->id, creation->where->bare,
                      made->expires, made->token);
        log_info("invitation_made", LOG_TEXT("invitation", made->id),
                 LOG_TEXT("jid", creation->where->bare), LOG_TEXT("expires", made->expires));
    }
    control_end(creation->request, problem);
    crypto_wipe(made->token, sizeof(made->token));
    free(creation->where);
    free(creation);
}

static void create_row(struct worker *worker, struct control_request *request,
                       const struct invitation_wish *wish)
{
    struct creation *creation = xcalloc(1, sizeof(*creation));

    creation->request = request;
    creation->where = jid_dup(wish->where);
    creation->reset = strcmp(wish->kind, INVITATION_RESET) == 0;
    invitation_make(worker->db, wish, &creation->made, on_created, creation);
}

static bool is_named_well(const struct invitation_wish *wish, const char *text)
{
    const struct jid *where = wish->where;

    return !where->local || strcmp(wish->kind, INVITATION_RESET) == 0 ||
           account_registrable(text, where);
}

static const char *read_wish(struct worker *worker, struct arena *arena, const char *const *argv,
                             struct jid *where, struct invitation_wish *wish)
{
    const struct domain *domain;

    wish->kind = argv[0];
    wish->where = where;
    wish->admin = strcmp(argv[2], "yes") == 0;
    wish->creator = argv[5];
    if (strcmp(wish->kind, INVITATION_ACCOUNT) != 0 && strcmp(wish->kind, INVITATION_RESET) != 0)
        return "not a kind of invitation";
    if (jid_parse(arena, argv[1], where) != 0 || where->resource)
        return "not the address of an account";
    domain = domains_find(worker->domains, where->domain);
    if (!domain)
        return "this domain is not served here";
    if (!domain->invitations)
        return "the configuration says invitations = no for this domain";
    if (!is_named_well(wish, argv[1]))
        return "this name cannot be registered";
    if (config_number_parse(CONFIG_NUMBER, argv[3], &wish->uses) != 0 || wish->uses < 1 ||
        wish->uses > USES_MAX || (where->local && wish->uses > 1))
        return "not a number of uses: one for a name, at most 10000 without";
    if (config_number_parse(CONFIG_DURATION, argv[4], &wish->life_ms) != 0 || wish->life_ms < 1 ||
        wish->life_ms > LIFE_MAX_MS)
        return "not a duration, such as 12h or 7d, of at most 366d";
    return NULL;
}

static void invite_create(void *state, struct control_request *request, size_t argc UNUSED,
                          const char *const *argv)
{
    struct arena *arena = arena_new();
    struct invitation_wish wish = {0};
    struct jid where;
    const char *problem = read_wish(state, arena, argv, &where, &wish);

    if (problem)
        control_end(request, problem);
    else
        create_row(state, request, &wish);
    arena_free(arena);
}

/* --- list, revoke --- */

static void on_listed(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    const struct db_result *rows = &results[0];

    for (size_t row = 0; status == 0 && row < db_rows(rows); row++) {
        char expires[DATETIME_SIZE];
        datetime_format(db_get_int(rows, row, 5), expires);
        control_print(user, "%s %s %s%s uses=%" PRId64 " expires=%s by=%s",
                      db_get_text(rows, row, 0), db_get_text(rows, row, 1),
                      db_get_text(rows, row, 2), db_get_bool(rows, row, 3) ? " admin" : "",
                      db_get_int(rows, row, 4), expires, db_get_text(rows, row, 6));
    }
    control_end(user, status == 0 ? NULL : account_work_problem(status));
}

static void invite_list(void *state, struct control_request *request, size_t argc UNUSED,
                        const char *const *argv UNUSED)
{
    struct worker *worker = state;
    char now[DATETIME_SIZE];

    datetime_format(clock_wall_us(), now);
    const struct db_value values[] = {DB_TEXT(now), DB_INT(LIST_MAX)};
    db_read(worker->db, &list_statement, values, on_listed, request);
}

static void on_revoked(void *user, int status, const struct db_result *results, size_t count UNUSED)
{
    const char *problem = status == 0 ? NULL : account_work_problem(status);

    if (status == 0 && db_affected(&results[0]) == 0)
        problem = "there is no such invitation";
    control_end(user, problem);
}

static void invite_revoke(void *state, struct control_request *request, size_t argc UNUSED,
                          const char *const *argv)
{
    struct worker *worker = state;
    const struct db_value values[] = {DB_TEXT(argv[0])};

    db_query(worker->db, AFFINITY, &revoke_statement, values, on_revoked, request);
}

const struct control_command invitation_commands[] = {
    {"invite create", 6, 6, invite_create,
     "KIND ADDRESS ADMIN USES LIFETIME CREATOR  an invitation: its id, address, end and token"},
    {"invite list", 0, 0, invite_list, "  those that are open"},
    {"invite revoke", 1, 1, invite_revoke, "ID  it is good for nothing any more"},
    {0},
};
