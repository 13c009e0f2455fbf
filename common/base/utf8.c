/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Texts in UTF-8.
 */
#include "common/base/utf8.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/macros.h"

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

/* RFC 3629 §4: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
struct utf8_character utf8_read(const char *text, size_t left)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *in = (const uint8_t *)text;
    size_t length = in[0] < 0x80 ? 1 : in[0] < 0xc0 ? 0 : in[0] < 0xe0 ? 2 : in[0] < 0xf0 ? 3 : 4;

    if (length == 1) {
        return (struct utf8_character){in[0], 1};
    }
    if (length == 0 || in[0] > 0xf4 || length > left) {
        return (struct utf8_character){0};
    }
    uint32_t code = in[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((in[i] & 0xc0) != 0x80) {
            return (struct utf8_character){0};
        }
        code = code << 6 | (in[i] & 0x3fu);
    }
    if (code < lowest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return (struct utf8_character){0};
    }
    return (struct utf8_character){code, length};
}

static bool acts(struct utf8_character c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},
                  {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
        if (c.code >= ranges[i].first && c.code <= ranges[i].last)
            return true;
    return c.length == 0;
}

void utf8_hide_controls(char *text)
{
    size_t left = strlen(text), length;
    char *to = text;

    for (const char *at = text; left > 0; at += length, left -= length) {
        const struct utf8_character c = utf8_read(at, left);
        length = MAX(c.length, 1);
        if (acts(c)) {
            *to++ = '?';
            continue;
        }
        memmove(to, at, length);
        to += length;
    }
    *to = '\0';
}
