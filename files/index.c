/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The statements. A commit is on the disk when it returns.
 */
#include "files/index.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/base/error.h"
#include "common/base/memory.h"

#define BUSY_MS 5000

static const char SCHEMA[] = "PRAGMA journal_mode = WAL;"
                             "PRAGMA synchronous = FULL;"
                             "CREATE TABLE IF NOT EXISTS file ("
                             " id TEXT NOT NULL PRIMARY KEY,"
                             " name TEXT NOT NULL,"
                             " type TEXT,"
                             " owner TEXT NOT NULL,"
                             " hash TEXT NOT NULL,"
                             " size INTEGER NOT NULL,"
                             " created INTEGER NOT NULL,"
                             " expires INTEGER NOT NULL) WITHOUT ROWID;"
                             "CREATE INDEX IF NOT EXISTS file_owner ON file (owner, created);"
                             "CREATE INDEX IF NOT EXISTS file_hash ON file (hash);"
                             "CREATE INDEX IF NOT EXISTS file_expires ON file (expires);";

enum reading { FIND, USAGE, TOTALS, READINGS };
enum writing { ADD, EXPIRE, COUNT, WRITINGS };

static const char *const READING_SQL[READINGS] = {
    [FIND] = "SELECT name, type, owner, hash, size, created, expires FROM file WHERE id = ?1",
    [USAGE] = "SELECT coalesce(sum(size), 0), coalesce(min(created), 0) FROM file"
              " WHERE owner = ?1 AND created > ?2",
    [TOTALS] = "SELECT count(*), coalesce(sum(size), 0) FROM file",
};

static const char *const WRITING_SQL[WRITINGS] = {
    [ADD] = "INSERT INTO file (id, name, type, owner, hash, size, created, expires)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [EXPIRE] = "DELETE FROM file WHERE id IN (SELECT id FROM file WHERE expires <= ?1 LIMIT ?2)"
               " RETURNING hash",
    [COUNT] = "SELECT count(*) FROM file WHERE hash = ?1",
};

struct index {
    sqlite3 *reader, *writer;
    sqlite3_stmt *readings[READINGS];
    sqlite3_stmt *writings[WRITINGS];
};

static int prepare(sqlite3 *database, const char *const *sql, sqlite3_stmt **statements,
                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sqlite3_prepare_v3(database, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i],
                               NULL) != SQLITE_OK)
            return ERR_SYSTEM;
    return 0;
}

static int connect_to(const char *path, sqlite3 **database, char **problem)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    if (sqlite3_open_v2(path, database, flags, NULL) == SQLITE_OK &&
        sqlite3_busy_timeout(*database, BUSY_MS) == SQLITE_OK &&
        sqlite3_exec(*database, SCHEMA, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    *problem = xstrdup(*database ? sqlite3_errmsg(*database) : "out of memory");
    return ERR_SYSTEM;
}

int index_open(const char *path, struct index **index, char **problem)
{
    struct index *new = xcalloc(1, sizeof(*new));
    int error = connect_to(path, &new->writer, problem);

    if (!error)
        error = connect_to(path, &new->reader, problem);
    if (!error && (prepare(new->reader, READING_SQL, new->readings, READINGS) != 0 ||
                   prepare(new->writer, WRITING_SQL, new->writings, WRITINGS) != 0)) {
        *problem = xstrdup(sqlite3_errmsg(new->reader));
        error = ERR_SYSTEM;
    }
    if (error)
        index_close(new);
    else
        *index = new;
    return error;
}

void index_close(struct index *index)
{
    for (int i = 0; i < READINGS; i++)
        sqlite3_finalize(index->readings[i]);
    for (int i = 0; i < WRITINGS; i++)
        sqlite3_finalize(index->writings[i]);
    sqlite3_close(index->reader);
    sqlite3_close(index->writer);
    free(index);
}

static int error_of(int status)
{
    switch (status & 0xff) {
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_FULL:
        return ERR_LIMIT;
    default:
        return ERR_SYSTEM;
    }
}

/* Ends what a statement has read. */
static int finish(sqlite3_stmt *statement, int status)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return error_of(status);
}

static void bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

static const char *text_of(struct arena *arena, sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text ? arena_strdup(arena, text) : NULL;
}

int index_find(struct index *index, const char *id, struct arena *arena, struct stored_file *file)
{
    sqlite3_stmt *find = index->readings[FIND];

    bind_text(find, 1, id);
    int status = sqlite3_step(find);
    if (status == SQLITE_ROW)
        *file = (struct stored_file){
            .id = arena_strdup(arena, id),
            .name = text_of(arena, find, 0),
            .type = text_of(arena, find, 1),
            .owner = text_of(arena, find, 2),
            .hash = text_of(arena, find, 3),
            .size = (uint64_t)sqlite3_column_int64(find, 4),
            .created_us = sqlite3_column_int64(find, 5),
            .expires_us = sqlite3_column_int64(find, 6),
        };
    int error = finish(find, status);
    return status == SQLITE_DONE ? ERR_NOT_FOUND : error;
}

int index_usage(struct index *index, const char *owner, int64_t since_us, uint64_t *bytes,
                int64_t *oldest_us)
{
    sqlite3_stmt *usage = index->readings[USAGE];

    bind_text(usage, 1, owner);
    sqlite3_bind_int64(usage, 2, since_us);
    int status = sqlite3_step(usage);
    if (status == SQLITE_ROW) {
        *bytes = (uint64_t)sqlite3_column_int64(usage, 0);
        *oldest_us = sqlite3_column_int64(usage, 1);
    }
    return finish(usage, status);
}

int index_totals(struct index *index, uint64_t *files, uint64_t *bytes)
{
    sqlite3_stmt *totals = index->readings[TOTALS];
    int status = sqlite3_step(totals);

    if (status == SQLITE_ROW) {
        *files = (uint64_t)sqlite3_column_int64(totals, 0);
        *bytes = (uint64_t)sqlite3_column_int64(totals, 1);
    }
    return finish(totals, status);
}

int index_add(struct index *index, const struct stored_file *file)
{
    sqlite3_stmt *add = index->writings[ADD];

    bind_text(add, 1, file->id);
    bind_text(add, 2, file->name);
    bind_text(add, 3, file->type);
    bind_text(add, 4, file->owner);
    bind_text(add, 5, file->hash);
    sqlite3_bind_int64(add, 6, (int64_t)file->size);
    sqlite3_bind_int64(add, 7, file->created_us);
    sqlite3_bind_int64(add, 8, file->expires_us);
    return finish(add, sqlite3_step(add));
}

int index_expire(struct index *index, int64_t now_us, size_t limit,
                 void (*removed)(void *user, const char *hash), void *user, bool *more)
{
    sqlite3_stmt *expire = index->writings[EXPIRE];
    struct arena *arena = arena_new();
    const char **hashes = arena_zalloc(arena, limit * sizeof(*hashes));
    size_t count = 0;
    int status;

    sqlite3_bind_int64(expire, 1, now_us);
    sqlite3_bind_int64(expire, 2, (int64_t)limit);
    while ((status = sqlite3_step(expire)) == SQLITE_ROW && count < limit)
        hashes[count++] = text_of(arena, expire, 0);
    /* What was returned counts when it is committed, which the last step does. */
    int error = finish(expire, status);
    for (size_t i = 0; !error && i < count; i++)
        removed(user, hashes[i]);
    arena_free(arena);
    *more = !error && count == limit;
    return error;
}

int64_t index_count(struct index *index, const char *hash)
{
    sqlite3_stmt *count = index->writings[COUNT];

    bind_text(count, 1, hash);
    int64_t found = sqlite3_step(count) == SQLITE_ROW ? sqlite3_column_int64(count, 0) : -1;
    finish(count, SQLITE_DONE);
    return found;
}

/* --- for kontalkctl --- */

static int open_alone(const char *path, int flags, sqlite3 **database)
{
    int status = sqlite3_open_v2(path, database, flags | SQLITE_OPEN_NOFOLLOW, NULL);

    return status == SQLITE_OK ? sqlite3_busy_timeout(*database, BUSY_MS) : status;
}

static int run_with(sqlite3 *database, const char *sql, const char *text, sqlite3_int64 *number)
{
    sqlite3_stmt *statement = NULL;
    int status = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);

    if (status == SQLITE_OK && text)
        status = sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    if (status == SQLITE_OK)
        status = sqlite3_step(statement);
    if (status == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return error_of(status);
}

static int close_with(sqlite3 *database, int error, char **problem)
{
    if (error)
        *problem = xstrdup(database ? sqlite3_errmsg(database) : "out of memory");
    sqlite3_close(database);
    return error ? ERR_SYSTEM : 0;
}

int index_copy(const char *path, const char *copy, char **problem)
{
    sqlite3 *database = NULL;
    sqlite3_int64 none;
    int error = open_alone(path, SQLITE_OPEN_READWRITE, &database);

    if (!error)
        error = run_with(database, "VACUUM INTO ?1", copy, &none);
    return close_with(database, error, problem);
}

int index_check(const char *path, uint64_t *files, char **problem)
{
    sqlite3 *database = NULL;
    sqlite3_int64 count = 0;
    int error = open_alone(path, SQLITE_OPEN_READONLY, &database);

    if (!error)
        error = run_with(database, READING_SQL[TOTALS], NULL, &count);
    *files = (uint64_t)count;
    return close_with(database, error, problem);
}
