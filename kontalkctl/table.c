/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Tables for people: columns as wide as their widest cell.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "kontalkctl/ctl.h"

#define COLUMNS_MAX 8

/* Of characters, not of bytes: domains may be written in any script. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_cell(const char *text, size_t width, bool last)
{
    fputs(text, stdout);
    for (size_t i = width_of(text); !last && i < width + 2; i++)
        putchar(' ');
}

void ctl_print_table(const char *const *heads, size_t columns, const char *const *cells,
                     size_t rows)
{
    size_t *widths = xcalloc(columns, sizeof(*widths));

    for (size_t column = 0; column < columns; column++) {
        widths[column] = width_of(heads[column]);
        for (size_t row = 0; row < rows; row++)
            widths[column] = MAX(widths[column], width_of(cells[row * columns + column]));
    }
    for (size_t row = 0; row <= rows; row++) {
        for (size_t column = 0; column < columns; column++)
            print_cell(row == 0 ? heads[column] : cells[(row - 1) * columns + column],
                       widths[column], column == columns - 1);
        putchar('\n');
    }
    free(widths);
}

static char *cell_of(const json_t *value)
{
    if (json_is_integer(value))
        return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return xstrdup(json_is_string(value) ? json_string_value(value) : "-");
}

/* Columns end with a row without a key. */
static void print_rows(const json_t *rows, const struct ctl_column *columns)
{
    const char *heads[COLUMNS_MAX];
    size_t count = 0, at = 0, index;
    json_t *row;

    for (; columns[count].key; count++)
        heads[count] = columns[count].head;
    char **cells = xcalloc(count * json_array_size(rows) + 1, sizeof(*cells));
    json_array_foreach(rows, index, row)
    {
        for (size_t i = 0; i < count; i++)
            cells[at++] = cell_of(json_object_get(row, columns[i].key));
    }
    ctl_print_table(heads, count, (const char *const *)cells, json_array_size(rows));
    while (at > 0)
        free(cells[--at]);
    free(cells);
}

int ctl_show(json_t *rows, const struct ctl_column *columns, bool json)
{
    if (json) {
        ctl_print_json(rows);
        return EXIT_SUCCESS;
    }
    print_rows(rows, columns);
    json_decref(rows);
    return EXIT_SUCCESS;
}
