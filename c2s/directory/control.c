/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What kontalkctl asks of the directory.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "c2s/directory/claims.h"
#include "c2s/directory/core.h"
#include "c2s/directory/registrar.h"
#include "c2s/directory/resolver.h"
#include "c2s/directory/rows.h"
#include "c2s/directory/verify.h"
#include "c2s/worker.h"
#include "common/base/error.h"
#include "common/base/memory.h"

struct asking {
    struct worker *worker;
    struct control_request *request;
    struct jid *jid;
    bool show; /* what the account is, too */
};

static void end(struct asking *asking, const char *error)
{
    control_end(asking->request, error);
    free(asking->jid);
    free(asking);
}

#define AS_TEXT " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
static const struct db_statement read_account = {
    .name = "account_show",
    .sql = "SELECT disabled, admin, to_char(created" AS_TEXT
           ", granted, service, to_char(enabled" AS_TEXT
           " FROM account LEFT JOIN push ON push.owner = account.owner"
           " WHERE domain = $1 AND local = $2 ORDER BY enabled",
    .parameters = 2,
};
#undef AS_TEXT

/* A row for each service that clients have enabled for notifications (XEP-0357), or one without. */
static void print_pushes(struct control_request *request, const struct db_result *rows)
{
    struct buffer line = {0};

    for (size_t i = 0; i < db_rows(rows) && !db_is_null(rows, i, 4); i++)
        buffer_printf(&line, "%s%s since %s", i ? ", " : "", db_get_text(rows, i, 4),
                      db_get_text(rows, i, 5));
    control_print(request, "push %s", line.length ? line.data : "no");
    buffer_fini(&line);
}

static void on_account(void *user, int status, const struct db_result *results, size_t count)
{
    struct asking *asking = user;
    const struct db_result *row = results;

    (void)count;
    if (status != 0 || db_rows(row) == 0) {
        end(asking, status ? error_text(status) : "there is no such account");
        return;
    }
    control_print(asking->request, "created %s", db_get_text(row, 0, 2));
    if (db_get_bool(row, 0, 0))
        control_print(asking->request, "disabled");
    if (db_get_bool(row, 0, 1))
        control_print(asking->request, "admin");
    if (asking->worker->directory->network && db_get_int(row, 0, 3) <= 0)
        control_print(asking->request, "name %s",
                      db_get_int(row, 0, 3) == 0 ? "not claimed yet" : "refused by the registrar");
    print_pushes(asking->request, row);
    end(asking, NULL);
}

static void show_account(struct asking *asking)
{
    const struct db_value values[] = {DB_TEXT(asking->jid->domain), DB_TEXT(asking->jid->local)};

    db_read(asking->worker->db, &read_account, values, on_account, asking);
}

static void on_found(void *user, const struct directory_place *place)
{
    struct asking *asking = user;

    switch (place->answer) {
    case DIRECTORY_NOBODY:
        end(asking, "nobody has this name");
        return;
    case DIRECTORY_UNKNOWN:
        end(asking, "not known now: the registrar does not answer, or nobody serves the home");
        return;
    case DIRECTORY_HERE:
    case DIRECTORY_ELSEWHERE:
        control_print(asking->request, "%s home %s at %s epoch %" PRId64, asking->jid->bare,
                      place->home ? place->home : "-", place->host, place->epoch);
    }
    if (asking->show && place->answer == DIRECTORY_HERE)
        show_account(asking);
    else
        end(asking, NULL);
}

/* An account, or, where it is enough to know the home, a service. */
static bool is_name(struct worker *worker, const struct jid *jid, bool show)
{
    return jid->local ? worker_serves(worker, jid->domain) ||
                            (!show && directory_shares(worker->directory, jid->domain))
                      : !show && directory_service(worker->directory, jid->domain);
}

static void begin(struct worker *worker, struct control_request *request, const char *text,
                  bool show)
{
    struct arena *arena = arena_new();
    struct directory_place place;
    struct asking *asking;
    struct jid jid;

    if (jid_parse(arena, text, &jid) != 0 || jid.resource || !is_name(worker, &jid, show)) {
        control_end(request, "not the address of an account of this network");
        arena_free(arena);
        return;
    }
    asking = xcalloc(1, sizeof(*asking));
    asking->worker = worker;
    asking->request = request;
    asking->jid = jid_dup(&jid);
    asking->show = show;
    arena_free(arena);
    if (resolver_look(worker->directory, asking->jid, &place))
        on_found(asking, &place);
    else
        resolver_ask(worker->directory, asking->jid, on_found, asking);
}

static void lookup(void *state, struct control_request *request, size_t argc,
                   const char *const *argv)
{
    (void)argc;
    begin(state, request, argv[0], false);
}

static void user_show(void *state, struct control_request *request, size_t argc,
                      const char *const *argv)
{
    (void)argc;
    begin(state, request, argv[0], true);
}

static void verify(void *state, struct control_request *request, size_t argc,
                   const char *const *argv)
{
    struct worker *worker = state;

    (void)argc;
    (void)argv;
    directory_verify(worker->directory, request);
}

static void rooms(void *state, struct control_request *request, size_t argc,
                  const char *const *argv)
{
    struct worker *worker = state;

    (void)argc;
    (void)argv;
    directory_rooms(worker->directory, request);
}

/* --- names before their accounts, for kontalkctl user import --- */

struct claiming {
    struct worker *worker;
    struct control_request *request;
    char **jids;
    size_t count;
};

static void end_claiming(struct claiming *claiming, const char *error)
{
    control_end(claiming->request, error);
    for (size_t i = 0; i < claiming->count; i++)
        free(claiming->jids[i]);
    free(claiming->jids);
    free(claiming);
}

static void on_stored(void *user, int status, const struct db_result *results, size_t count)
{
    struct claiming *claiming = user;

    (void)results;
    (void)count;
    publish_changed(claiming->worker->directory);
    end_claiming(claiming, status ? error_text(status) : NULL);
}

static void on_named(void *user, int status, const struct named *named, size_t count)
{
    struct claiming *claiming = user;
    struct directory *directory = claiming->worker->directory;
    static const char *const words[] = {
        [NAMING_GRANTED] = "granted", [NAMING_TAKEN] = "taken", [NAMING_RESERVED] = "reserved"};

    if (status != 0 || directory->ended) {
        end_claiming(claiming, "the registrar gives no names now");
        return;
    }
    struct db_unit *unit = db_unit_new(directory->settings.db, ROWS_AFFINITY);
    db_unit_add(unit, &rows_nothing, NULL);
    for (size_t i = 0; i < count; i++) {
        control_print(claiming->request, "%s %s", words[named[i].naming], claiming->jids[i]);
        if (named[i].naming == NAMING_GRANTED)
            rows_add_own(unit, &named[i].grant);
        resolver_forget(directory, claiming->jids[i]);
    }
    db_submit(unit, on_stored, claiming);
}

static void claim(void *state, struct control_request *request, size_t argc,
                  const char *const *argv)
{
    struct worker *worker = state;
    const struct names names = {.jids = argv, .count = argc};
    struct claiming *claiming;

    if (worker->directory->network == NULL) {
        for (size_t i = 0; i < argc; i++)
            control_print(request, "granted %s", argv[i]);
        control_end(request, NULL);
        return;
    }
    claiming = xcalloc(1, sizeof(*claiming));
    claiming->worker = worker;
    claiming->request = request;
    claiming->count = argc;
    claiming->jids = xcalloc(argc, sizeof(*claiming->jids));
    for (size_t i = 0; i < argc; i++)
        claiming->jids[i] = xstrdup(argv[i]);
    claims_ask(worker->directory, &names, on_named, claiming);
}

const struct control_command directory_commands[] = {
    {"user show", 1, 1, user_show, "JID  an account, and which home it has"},
    {"directory lookup", 1, 1, lookup, "JID  the home of a name, and the node that serves it"},
    {"directory verify", 0, 0, verify,
     "  whether all entries have valid grants, and what differs from the other homes"},
    {"directory rooms", 0, 0, rooms, "  the rooms of this home that have a name"},
    {"directory claim", 1, 60, claim, "JID …  names for accounts that are about to be imported"},
    {0},
};
