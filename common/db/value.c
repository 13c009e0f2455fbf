/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Values: parameters to the server, results from it. Everything travels as text but bytea
 * parameters, which are sent as they are.
 */
#include "common/db/value.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

enum { FORMAT_TEXT, FORMAT_BINARY };

struct db_value db_text(const char *text)
{
    if (text == NULL) {
        return DB_NULL;
    }
    return (struct db_value){.type = DB_VALUE_TEXT, .bytes = text, .length = strlen(text)};
}

static bool acceptable(const struct db_value *value)
{
    if (value->length > DB_VALUE_MAX) {
        return false;
    }
    return value->type != DB_VALUE_TEXT || memchr(value->bytes, '\0', value->length) == NULL;
}

static const char *encode(struct arena *arena, const struct db_value *value)
{
    switch (value->type) {
    case DB_VALUE_TEXT:
    case DB_VALUE_BYTES:
        return arena_strndup(arena, value->bytes, value->length);
    case DB_VALUE_INT:
        return arena_decimal(arena, value->number);
    case DB_VALUE_BOOL:
        return value->number != 0 ? "t" : "f";
    case DB_VALUE_NULL:
        break;
    }
    return NULL;
}

int parameters_make(struct arena *arena, const struct db_value *values, int count,
                    struct parameters *parameters)
{
    size_t size = (size_t)count;

    parameters->count = count;
    parameters->values = arena_zalloc(arena, size * sizeof(*parameters->values));
    parameters->lengths = arena_zalloc(arena, size * sizeof(*parameters->lengths));
    parameters->formats = arena_zalloc(arena, size * sizeof(*parameters->formats));
    for (int i = 0; i < count; i++) {
        if (!acceptable(&values[i])) {
            return ERR_INVALID;
        }
        parameters->values[i] = encode(arena, &values[i]);
        parameters->lengths[i] = (int)values[i].length;
        parameters->formats[i] = values[i].type == DB_VALUE_BYTES ? FORMAT_BINARY : FORMAT_TEXT;
    }
    return 0;
}

size_t parameters_size(const struct parameters *parameters)
{
    size_t size = 0;

    for (int i = 0; i < parameters->count; i++) {
        size += (size_t)parameters->lengths[i];
    }
    return size;
}

static bool value_equal(const struct parameters *a, const struct parameters *b, int i)
{
    if (a->values[i] == NULL || b->values[i] == NULL) {
        return a->values[i] == b->values[i];
    }
    if (a->formats[i] != b->formats[i]) {
        return false;
    }
    if (a->formats[i] == FORMAT_TEXT) {
        return strcmp(a->values[i], b->values[i]) == 0;
    }
    return a->lengths[i] == b->lengths[i] &&
           memcmp(a->values[i], b->values[i], (size_t)a->lengths[i]) == 0;
}

bool parameters_equal(const struct parameters *a, const struct parameters *b)
{
    for (int i = 0; i < a->count; i++) {
        if (!value_equal(a, b, i)) {
            return false;
        }
    }
    return a->count == b->count;
}

size_t db_rows(const struct db_result *result)
{
    return (size_t)PQntuples(result->rows);
}

size_t db_affected(const struct db_result *result)
{
    return strtoul(PQcmdTuples(result->rows), NULL, 10);
}

bool db_is_null(const struct db_result *result, size_t row, int column)
{
    return PQgetisnull(result->rows, (int)row, column) != 0;
}

const char *db_get_text(const struct db_result *result, size_t row, int column)
{
    const char *text = PQgetvalue(result->rows, (int)row, column);

    return text != NULL ? text : "";
}

int64_t db_get_int(const struct db_result *result, size_t row, int column)
{
    return strtoll(db_get_text(result, row, column), NULL, 10);
}

bool db_get_bool(const struct db_result *result, size_t row, int column)
{
    return db_get_text(result, row, column)[0] == 't';
}

void db_get_bytes(const struct db_result *result, size_t row, int column, struct buffer *out)
{
    size_t length = 0;
    unsigned char *bytes =
        PQunescapeBytea((const unsigned char *)db_get_text(result, row, column), &length);

    if (bytes != NULL) {
        buffer_append(out, bytes, length);
    }
    PQfreemem(bytes);
}
