/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What there is, of all processes of a daemon in one table: clients, counts, and what the databases
 * and the files take.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/service/control.h"
#include "kontalkctl/ctl.h"
#include "kontalkctl/json.h"

struct showing {
    json_t *rows;
    const char *const *patterns; /* of a line (json_match.c); ends with NULL. NULL: counts */
    size_t argc;
    const char *const *argv; /* what is asked */
    char *process;           /* whose lines these are */
    const char *state;       /* of those that say none; NULL: all do */
    size_t asked;
};

/* --- processes --- */

/* "what there is: value", or "what value". */
static void add_count(struct showing *showing, const char *line)
{
    const char *colon = strstr(line, ": "), *end = colon ? colon : line + strcspn(line, " ");
    const char *text = end + (colon ? 2 : *end == ' ');
    char *what = xstrndup(line, (size_t)(end - line)), *rest;
    json_int_t number = strtoll(text, &rest, 10);
    json_t *value = *text && !*rest ? json_integer(number) : json_string(text);

    json_array_append_new(showing->rows, json_pack("{s:s, s:s, s:o}", "process", showing->process,
                                                   "what", what, "value", value));
    free(what);
}

static void on_line(void *user, const char *line)
{
    struct showing *showing = user;
    json_t *row;

    if (showing->patterns == NULL) {
        add_count(showing, line);
        return;
    }
    row = json_object();
    json_object_set_new(row, "process", json_string(showing->process));
    if (showing->state)
        json_object_set_new(row, "state", json_string(showing->state));
    for (size_t i = 0; showing->patterns[i]; i++) {
        if (!json_match(showing->patterns[i], line, row))
            continue;
        json_array_append_new(showing->rows, row);
        return;
    }
    json_decref(row);
}

/* ".../kontalk-c2s@c2s-2.ctl" is c2s@c2s-2. */
static char *process_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    name += strncmp(name, "kontalk-", 8) == 0 ? 8 : 0;
    return xstrndup(name, strlen(name) - strlen(".ctl"));
}

static void ask(void *user, const char *path)
{
    struct showing *showing = user;
    char *problem = NULL;

    showing->process = process_of(path);
    int error = control_follow(path, showing->argc, showing->argv, on_line, showing, &problem);
    if (error == ERR_INVALID && problem)
        ctl_fail("%s: %s", showing->process, problem);
    showing->asked += error == 0;
    free(problem);
    free(showing->process);
}

static int sessions(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const connected[] = {"show", "sessions"}, *const waiting[] = {"show",
                                                                                     "waiting"};
    static const char *const lines[] = {"$jid $address $tls $mechanism $state", NULL};
    static const char *const waiting_lines[] = {"$jid #seconds #unacknowledged", NULL};
    static const struct ctl_column columns[] = {
        {"process", "PROCESS"},     {"jid", "JID"},     {"address", "ADDRESS"}, {"tls", "TLS"},
        {"mechanism", "MECHANISM"}, {"state", "STATE"}, {"seconds", "ENDS IN"}, {NULL, NULL}};
    struct showing showing = {
        .rows = json_array(), .patterns = lines, .argc = ARRAY_SIZE(connected), .argv = connected};
    bool json;

    if (ctl_is_json(argc, argv, &json))
        return EXIT_FAILURE;
    ctl_processes(ctl, "c2s", ask, &showing);
    showing.patterns = waiting_lines;
    showing.argv = waiting;
    showing.state = "waits";
    size_t asked = showing.asked;
    ctl_processes(ctl, "c2s", ask, &showing);
    if (asked > 0)
        return ctl_show(showing.rows, columns, json);
    json_decref(showing.rows);
    return ctl_fail("kontalk-c2s is not running");
}

static int counts(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const words[] = {"show", "counts"};
    static const char *const daemons[] = {"c2s", "files", "muc"};
    static const struct ctl_column columns[] = {
        {"process", "PROCESS"}, {"what", "WHAT"}, {"value", "VALUE"}, {NULL, NULL}};
    struct showing showing = {.rows = json_array(), .argc = ARRAY_SIZE(words), .argv = words};
    bool json;

    if (ctl_is_json(argc, argv, &json))
        return EXIT_FAILURE;
    for (size_t i = 0; i < ARRAY_SIZE(daemons); i++)
        ctl_processes(ctl, daemons[i], ask, &showing);
    if (showing.asked > 0)
        return ctl_show(showing.rows, columns, json);
    json_decref(showing.rows);
    return ctl_fail("no daemon is running");
}

/* --- storage --- */

/* As the statistics have it, which cost nothing to read. */
static const struct db_statement read_tables = {
    "ctl_storage",
    "SELECT relname::text, n_live_tup::bigint, pg_total_relation_size(relid)::bigint"
    " FROM pg_stat_user_tables WHERE schemaname = current_schema() ORDER BY 3 DESC, 1",
    0};

static int add_tables(struct db_session *session, const char *where, json_t *rows)
{
    struct db_result *result = NULL;
    const char *problem = NULL;
    int error = db_session_run(session, &read_tables, NULL, &result, &problem);

    if (error)
        ctl_fail("%s: %s", where, problem ? problem : error_text(error));
    for (size_t row = 0; !error && row < db_rows(result); row++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:I, s:I}", "where", where, "what",
                                              db_get_text(result, row, 0), "rows",
                                              (json_int_t)db_get_int(result, row, 1), "bytes",
                                              (json_int_t)db_get_int(result, row, 2)));
    db_result_free(result);
    return error;
}

static int add_database(const struct ctl *ctl, const char *section, const char *owner, json_t *rows)
{
    const char *conninfo = config_text(ctl->config, section, NULL, "conninfo");
    struct db_session *session = conninfo ? ctl_database_as(conninfo, owner) : NULL;
    int error = session ? add_tables(session, section, rows) : 0;

    db_session_close(session);
    return conninfo && !session ? ERR_UNAVAILABLE : error;
}

static void add_files(void *user, const char *line)
{
    json_t *row = json_pack("{s:s, s:s}", "where", "files", "what", "files");

    if (json_match("files: #rows, #bytes bytes", line, row))
        json_array_append(user, row);
    json_decref(row);
}

static int storage(const struct ctl *ctl, size_t argc, const char *const *argv)
{
    static const char *const words[] = {"show", "counts"};
    static const struct ctl_column columns[] = {
        {"where", "WHERE"}, {"what", "WHAT"}, {"rows", "ROWS"}, {"bytes", "BYTES"}, {NULL, NULL}};
    json_t *rows = json_array();
    bool json;

    if (ctl_is_json(argc, argv, &json))
        return EXIT_FAILURE;
    int error = add_database(ctl, "database", CTL_OWNER, rows);
    if (!error)
        error = add_database(ctl, "muc", CTL_ROOMS_OWNER, rows);
    if (!error &&
        ctl_follow(ctl, "files", ARRAY_SIZE(words), words, add_files, rows) == ERR_INVALID)
        error = ERR_INVALID;
    if (!error)
        return ctl_show(rows, columns, json);
    json_decref(rows);
    return EXIT_FAILURE;
}

const struct ctl_verb show_verbs[] = {
    {"show sessions", 0, 1, sessions,
     "[--json]  the clients of all workers, and sessions that wait for theirs (XEP-0198)"},
    {"show counts", 0, 1, counts, "[--json]  what c2s, files and muc count, of each process"},
    {"show storage", 0, 1, storage,
     "[--json]  what the tables of the databases, and the files, take"},
    {0},
};
