/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Tables for people: columns as wide as their widest cell.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "kontalkctl/ctl.h"

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
