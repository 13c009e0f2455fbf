/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The rows that fake_db.h answers with.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "common/base/buffer.h"
#include "common/db/db.h"

#define FAKE_COLUMNS 12
#define FAKE_ROWS    64

struct pg_result {
    char *cells[FAKE_ROWS][FAKE_COLUMNS];
    size_t rows;
};

size_t db_rows(const struct db_result *result)
{
    return result->rows->rows;
}

size_t db_affected(const struct db_result *result UNUSED)
{
    return 1;
}

bool db_is_null(const struct db_result *result, size_t row, int column)
{
    return result->rows->cells[row][column] == NULL;
}

const char *db_get_text(const struct db_result *result, size_t row, int column)
{
    const char *text = result->rows->cells[row][column];

    return text ? text : "";
}

int64_t db_get_int(const struct db_result *result, size_t row, int column)
{
    return atoll(db_get_text(result, row, column));
}

bool db_get_bool(const struct db_result *result, size_t row, int column)
{
    return *db_get_text(result, row, column) == 't';
}

void db_get_bytes(const struct db_result *result, size_t row, int column, struct buffer *out)
{
    const char *text = db_get_text(result, row, column);

    for (unsigned byte; sscanf(text, "%2x", &byte) == 1; text += 2) {
        buffer_append_char(out, (char)byte);
    }
}

const char *db_problem(const struct db *db)
{
    (void)db;
    return "";
}
