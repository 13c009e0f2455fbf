/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * PostgreSQL without ever blocking the loop (libpq in pipeline mode; libpq is nowhere else).
 *
 * A struct db is a pool of connections. Statements are static data and are prepared on a
 * connection the first time they are used there. Work is submitted as a *unit*: one or more
 * statements that take effect together. Units with the same affinity run on the same connection in
 * the order of submission and are answered in it, so that reads follow writes. A unit that fails
 * disturbs no other.
 *
 * On the connections that write, units are committed in groups: one transaction (PostgreSQL's
 * implicit one: a pipeline up to one Sync) is in flight, and what is submitted meanwhile is the
 * next. There is no timer: what comes alone is sent alone, and load makes the groups grow. If a
 * unit fails, those that were in its group are sent again without it. The other connections serve
 * reads that need no order with writes (db_read()): they see what is committed.
 *
 * Promises: a callback is never called inside the call that submits; exactly once, unless the unit
 * was cancelled; never after db_cancel(). While there is no connection units wait, up to their
 * deadline. What was sent when a connection breaks is not sent again, unless the unit asks for it
 * (db_unit_repeat()). Units whose outcome may be unknown are written to be repeated. The queue is
 * bounded: beyond it submission ends with ERR_LIMIT, by callback.
 *
 * libpq would resolve host names in PQconnectStart(), which blocks: conninfo names hosts by address
 * (hostaddr=, or host= with an address, a socket directory or "localhost").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"
#include "common/io/loop.h"

struct db;
struct db_unit;
/* The rows of one statement; the member is private to common/db. */
struct db_result {
    struct pg_result *rows;
};

#define DB_PARAMETERS_MAX 24

/* name: unique over the program, e.g. "roster_load". At most DB_PARAMETERS_MAX parameters. */
struct db_statement {
    const char *name;
    const char *sql;
    int parameters;
};

struct db_settings {
    const char *conninfo;
    unsigned connections; /* 0: 4 */
    unsigned writers;     /* of these; 0: all. The rest is for db_read() */
    unsigned queue;       /* units waiting per connection; 0: 4096 */
    unsigned deadline_ms; /* of a unit, from submission; 0: 5000 */
    const char *application_name;
    /* db_available() changed. Never inside db_open(); may be NULL. */
    void (*changed)(void *user, bool available);
    /* No longer db_is_congested(). Never inside a call; may be NULL. */
    void (*drained)(void *user);
    void *user;
};

/* Whether db_open() can use it: ERR_INVALID, and *problem (free with free()) says why. */
MUST_CHECK int db_check_conninfo(const char *conninfo, char **problem);
/* Connects in the background and again after every loss, with back-off. */
struct db *db_open(struct loop *loop, const struct db_settings *settings);
/* Units still open, and those submitted from now on, end with ERR_CANCELLED; then closed() is
 * called, later than this call. */
void db_close(struct db *db, void (*closed)(void *user), void *user);
/* Whether at least one connection is usable now. */
bool db_available(const struct db *db);

/* A connection that writes has as much to do as it should: whoever causes it is to slow down, long
 * before the queue is full. Until half of it is done. */
bool db_is_congested(const struct db *db);
/* For how long the connection of this affinity has been away, or its oldest unit has been waiting
 * for its answer; 0: neither. */
uint64_t db_waiting_ms(const struct db *db, unsigned affinity);
struct db_counters {
    uint64_t units;  /* committed by writers, */
    uint64_t groups; /* in so many transactions */
};
const struct db_counters *db_counters(const struct db *db);

/* Building a unit. `affinity` chooses the connection (a slot; any number). */
struct db_unit *db_unit_new(struct db *db, unsigned affinity);
/* Whether units of both affinities are on one connection. */
bool db_shares_connection(const struct db *db, unsigned a, unsigned b);
/* A unit that reads what is committed, on any connection. */
struct db_unit *db_unit_new_reading(struct db *db);
/* The unit is idempotent, so whenever its outcome is unknown it is sent again, unchanged and before
 * all that was submitted after it, until it is known. It has no deadline: it ends with 0,
 * ERR_LIMIT, ERR_CANCELLED, or an error of its own (ERR_FENCED, ERR_INVALID, ERR_CONFLICT,
 * ERR_SYSTEM …). */
void db_unit_repeat(struct db_unit *unit);
/* Before the end: from now on these have deadlines like any other and are not sent again. */
void db_stop_repeating(struct db *db);
/* A parameter. A text that holds a NUL, or a value above DB_VALUE_MAX bytes, makes the unit end
 * with ERR_INVALID without being sent. */
#define DB_VALUE_MAX (16 * 1024 * 1024)
struct db_value {
    enum { DB_VALUE_NULL, DB_VALUE_TEXT, DB_VALUE_INT, DB_VALUE_BYTES, DB_VALUE_BOOL } type;
    const void *bytes;
    size_t length;
    int64_t number;
};
#define DB_NULL       ((struct db_value){0})
#define DB_TEXT(text) db_text(text)
#define DB_INT(n)     ((struct db_value){.type = DB_VALUE_INT, .number = (n)})
#define DB_BOOL(b)    ((struct db_value){.type = DB_VALUE_BOOL, .number = (b)})
#define DB_BYTES(b, size)                                                                          \
    ((struct db_value){.type = DB_VALUE_BYTES, .bytes = (b), .length = (size)})
/* NULL becomes SQL NULL. Values are copied by db_unit_add(). */
struct db_value db_text(const char *text);

/* Appends a statement with its parameters, as many as it declares. */
void db_unit_add(struct db_unit *unit, const struct db_statement *statement,
                 const struct db_value *values);
/* The same for a statement that need not run again in a transaction in which it has run with equal
 * parameters, be it for another unit: a lock, a check. It has no rows. */
void db_unit_add_once(struct db_unit *unit, const struct db_statement *statement,
                      const struct db_value *values);
#define db_unit_add_values(unit, statement, ...)                                                   \
    db_unit_add((unit), (statement), (const struct db_value[]){__VA_ARGS__})

/* Called once. Results are valid during the call. status 0: results[i] is the result of statement
 * i, and all of the unit is committed. Else nothing of the unit has taken effect, unless said
 * otherwise:
 *
 *   ERR_UNAVAILABLE  not sent before the deadline; or the connection broke, the server is
 *                    stopping, full or read-only, or broke a deadlock (the outcome may be unknown)
 *   ERR_TIMEOUT      sent, not answered within the deadline (it may still take effect)
 *   ERR_LIMIT        the queue is full
 *   ERR_CANCELLED    the database was closed (what was sent may have taken effect)
 *   ERR_FENCED       SQLSTATE 22012: the fence found no row (c2s/slots.h)
 *   ERR_INVALID      class 22: a value the database cannot hold
 *   ERR_CONFLICT     class 23: a constraint
 *   ERR_NOT_FOUND    42P01: there is no such table, the schema is missing
 *   ERR_SYSTEM       anything else
 *
 * Of a unit that is repeated nothing has taken effect with these either, unless it is
 * db_unit_doubtful(). */
typedef void db_callback(void *user, int status, const struct db_result *results, size_t count);
/* Takes the unit. `done` may be NULL. The returned handle is valid until done() or db_cancel(). */
struct db_unit *db_submit(struct db_unit *unit, db_callback *done, void *user);
/* Inside done(), for a unit that failed: it had been sent before, and what became of that nobody
 * knows. Who is fenced now knows it as soon as he asks (c2s/slots.h: a claim waits for whoever has
 * passed the fence before it). */
bool db_unit_doubtful(const struct db_unit *unit);
/* The callback will not be called; what was sent still takes effect. Also discards a unit that was
 * never submitted. NULL is allowed. */
void db_cancel(struct db_unit *unit);
/* One statement. */
struct db_unit *db_query(struct db *db, unsigned affinity, const struct db_statement *statement,
                         const struct db_value *values, db_callback *done, void *user);

/* One statement that reads what is committed, on any connection. */
struct db_unit *db_read(struct db *db, const struct db_statement *statement,
                        const struct db_value *values, db_callback *done, void *user);

size_t db_rows(const struct db_result *result);
/* Rows changed by INSERT, UPDATE, DELETE. */
size_t db_affected(const struct db_result *result);
bool db_is_null(const struct db_result *result, size_t row, int column);
/* Text form; "" for NULL. Valid as long as the result. */
const char *db_get_text(const struct db_result *result, size_t row, int column);
int64_t db_get_int(const struct db_result *result, size_t row, int column);
bool db_get_bool(const struct db_result *result, size_t row, int column);
/* bytea, decoded. */
void db_get_bytes(const struct db_result *result, size_t row, int column, struct buffer *out);
/* For logs: the last failure, without parameter values; "" if there was none. Valid until the next
 * one. */
const char *db_problem(const struct db *db);

/* Blocking work for kontalkctl only: connects, runs, reports. Errors as for units. *problem is
 * valid until the next call; *session is set even if opening fails (it holds the problem), so it is
 * always closed. */
struct db_session;
MUST_CHECK int db_session_open(const char *conninfo, struct db_session **session,
                               const char **problem);
void db_session_close(struct db_session *session);
MUST_CHECK int db_session_run(struct db_session *session, const struct db_statement *statement,
                              const struct db_value *values, struct db_result **result,
                              const char **problem);
void db_result_free(struct db_result *result);
/* BEGIN, COMMIT, ROLLBACK and DDL texts, which are not prepared. */
MUST_CHECK int db_session_execute(struct db_session *session, const char *sql,
                                  const char **problem);
