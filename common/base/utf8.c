/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Texts in UTF-8.
 */
#include "common/base/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool goes_on(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t utf8_cut(const char *text, size_t limit)
{
    size_t length = strnlen(text, limit + 1);

    if (length <= limit)
        return length;
    length = limit;
    for (int i = 0; i < 3 && length > 0 && goes_on(text[length]); i++)
        length--;
    return goes_on(text[length]) ? limit : length;
}
