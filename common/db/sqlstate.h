/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the server's errors mean to us.
 */
#pragma once

#include <libpq-fe.h>

#include "common/base/buffer.h"

/* An ERR_* code for a SQLSTATE; NULL is an error of libpq's own. */
int sqlstate_error(const char *sqlstate);
int sqlstate_of(const PGresult *result, const char **sqlstate);
/* Replaces `out` by one line for the log: SQLSTATE, statement (or NULL) and the server's primary
 * message, which is left out where it would quote parameter values. */
void sqlstate_describe(const PGresult *result, const char *statement, struct buffer *out);
/* The same for what libpq says of the connection. */
void sqlstate_describe_connection(const PGconn *pg, struct buffer *out);
