/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A blocking session, for the administrator's tool.
 */
#include <libpq-fe.h>
#include <stdlib.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/db/db.h"
#include "common/db/sqlstate.h"
#include "common/db/value.h"

struct db_session {
    PGconn *pg;
    struct buffer problem;
};

/* "relation exists, skipping" */
static void ignore_notice(void *user, const PGresult *notice)
{
    (void)user;
    (void)notice;
}

int db_session_open(const char *conninfo, struct db_session **session, const char **problem)
{
    const char *const keywords[] = {"dbname",          "gssencmode",       "client_encoding",
                                    "connect_timeout", "application_name", NULL};
    const char *const values[] = {conninfo, "disable", "UTF8", "10", "kontalkctl", NULL};
    struct db_session *opened = xcalloc(1, sizeof(*opened));

    *session = opened;
    opened->pg = PQconnectdbParams(keywords, values, 1);
    PQsetNoticeReceiver(opened->pg, ignore_notice, NULL);
    if (PQstatus(opened->pg) == CONNECTION_OK) {
        return 0;
    }
    sqlstate_describe_connection(opened->pg, &opened->problem);
    *problem = opened->problem.data;
    return ERR_UNAVAILABLE;
}

void db_session_close(struct db_session *session)
{
    if (session == NULL) {
        return;
    }
    PQfinish(session->pg);
    buffer_fini(&session->problem);
    free(session);
}

static int session_error(struct db_session *session, const PGresult *result, const char *name,
                         const char **problem)
{
    const char *sqlstate;

    sqlstate_describe(result, name, &session->problem);
    *problem = session->problem.data;
    return sqlstate_of(result, &sqlstate);
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

static int run(struct db_session *session, const struct db_statement *statement,
               const struct parameters *parameters, struct db_result **result, const char **problem)
{
    PGresult *rows = PQexecParams(session->pg, statement->sql, parameters->count, NULL,
                                  parameters->values, parameters->lengths, parameters->formats, 0);

    if (!succeeded(rows)) {
        int error = session_error(session, rows, statement->name, problem);

        PQclear(rows);
        return error;
    }
    *result = xcalloc(1, sizeof(**result));
    (*result)->rows = rows;
    return 0;
}

int db_session_run(struct db_session *session, const struct db_statement *statement,
                   const struct db_value *values, struct db_result **result, const char **problem)
{
    struct arena *arena = arena_new();
    struct parameters parameters;
    int error = parameters_make(arena, values, statement->parameters, &parameters);

    *result = NULL;
    if (error < 0) {
        *problem = "a value cannot be stored";
    } else {
        error = run(session, statement, &parameters, result, problem);
    }
    arena_free(arena);
    return error;
}

void db_result_free(struct db_result *result)
{
    if (result != NULL) {
        PQclear(result->rows);
        free(result);
    }
}

int db_session_execute(struct db_session *session, const char *sql, const char **problem)
{
    PGresult *result = PQexec(session->pg, sql);
    int error = succeeded(result) ? 0 : session_error(session, result, NULL, problem);

    PQclear(result);
    return error;
}
