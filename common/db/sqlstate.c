/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * SQLSTATE to ERR_* by table (PostgreSQL 15, appendix A), and failures as text for logs.
 */
#include "common/db/sqlstate.h"

#include <stddef.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/macros.h"

/* The first prefix that fits counts. */
static const struct {
    const char *prefix;
    int error;
} errors[] = {
    {"08", ERR_UNAVAILABLE},    /* connection exception */
    {"22012", ERR_FENCED},      /* division by zero: only the fence divides */
    {"22", ERR_INVALID},        /* data exception */
    {"23", ERR_CONFLICT},       /* integrity constraint violation */
    {"25006", ERR_UNAVAILABLE}, /* read-only transaction: a standby, or a home that was moved */
    {"40", ERR_UNAVAILABLE},    /* transaction rollback: deadlock, serialization */
    {"42P01", ERR_NOT_FOUND},   /* undefined table */
    {"53", ERR_UNAVAILABLE},    /* insufficient resources: disk full, out of memory */
    {"54000", ERR_INVALID},     /* program limit: an index entry that is too long */
    {"55P03", ERR_UNAVAILABLE}, /* lock not available */
    {"57014", ERR_TIMEOUT},     /* statement_timeout, if the operator has set one */
    {"57P", ERR_UNAVAILABLE},   /* shutdown, crash, cannot connect now */
    {"58", ERR_UNAVAILABLE},    /* system error outside PostgreSQL: input/output */
};

int sqlstate_error(const char *sqlstate)
{
    if (sqlstate == NULL) {
        return ERR_UNAVAILABLE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        if (strncmp(sqlstate, errors[i].prefix, strlen(errors[i].prefix)) == 0) {
            return errors[i].error;
        }
    }
    return ERR_SYSTEM;
}

int sqlstate_of(const PGresult *result, const char **sqlstate)
{
    *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return sqlstate_error(*sqlstate);
}

/* libpq's texts end with a line break and may have several lines. */
static void append_first_line(struct buffer *out, const char *text)
{
    buffer_append(out, text, strcspn(text, "\n"));
}

void sqlstate_describe(const PGresult *result, const char *statement, struct buffer *out)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    buffer_clear(out);
    if (sqlstate != NULL) {
        buffer_printf(out, "%s ", sqlstate);
    }
    if (statement != NULL) {
        buffer_printf(out, "in %s: ", statement);
    }
    /* «invalid input syntax for type bigint: "the value"» */
    if (sqlstate != NULL && strncmp(sqlstate, "22", 2) == 0) {
        buffer_append_text(out, "a value cannot be stored");
        return;
    }
    append_first_line(out, message != NULL ? message : PQresultErrorMessage(result));
}

void sqlstate_describe_connection(const PGconn *pg, struct buffer *out)
{
    buffer_clear(out);
    append_first_line(out, PQerrorMessage(pg));
}
