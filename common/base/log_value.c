/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Values of log lines. They come from the network: whatever could end a line, forge a field, move a
 * terminal's cursor or reorder what a reader sees is escaped; letters of all languages stay.
 */
#include "common/base/log_value.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/utf8.h"

/* Code points that are shown as nothing or change how others are shown. */
static const struct {
    uint32_t first, last;
} unprintable[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
};

struct character {
    uint32_t code;
    size_t length; /* in bytes; 0: not UTF-8 */
};

/* RFC 3629 §4: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
static struct character read_character(const char *text, size_t left)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *in = (const uint8_t *)text;
    size_t length = in[0] < 0x80 ? 1 : in[0] < 0xc0 ? 0 : in[0] < 0xe0 ? 2 : in[0] < 0xf0 ? 3 : 4;

    if (length == 1) {
        return (struct character){in[0], 1};
    }
    if (length == 0 || in[0] > 0xf4 || length > left) {
        return (struct character){0};
    }
    uint32_t code = in[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((in[i] & 0xc0) != 0x80) {
            return (struct character){0};
        }
        code = code << 6 | (in[i] & 0x3fu);
    }
    if (code < lowest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return (struct character){0};
    }
    return (struct character){code, length};
}

static bool is_printable(struct character c)
{
    for (size_t i = 0; i < ARRAY_SIZE(unprintable); i++) {
        if (c.code >= unprintable[i].first && c.code <= unprintable[i].last) {
            return false;
        }
    }
    return c.length > 0;
}

static bool needs_quotes(struct character c)
{
    return c.code == ' ' || c.code == '"' || c.code == '\\' || c.code == '=' || !is_printable(c);
}

static void append_escaped(struct buffer *line, const char *text, struct character c)
{
    if (c.code == '"' || c.code == '\\') {
        buffer_append_char(line, '\\');
    }
    if (is_printable(c)) {
        buffer_append(line, text, c.length);
        return;
    }
    for (size_t i = 0; i < MAX(c.length, 1); i++) {
        buffer_printf(line, "\\x%02x", (uint8_t)text[i]);
    }
}

void log_value_append(struct buffer *line, const char *text)
{
    size_t length = utf8_cut(text, LOG_VALUE_MAX);
    size_t start = line->length;
    bool quoted = length == 0;
    size_t step;

    buffer_append_char(line, '"');
    for (size_t i = 0; i < length; i += step) {
        struct character c = read_character(text + i, length - i);
        step = MAX(c.length, 1);
        quoted = quoted || needs_quotes(c);
        append_escaped(line, text + i, c);
    }
    if (quoted) {
        buffer_append_char(line, '"');
        return;
    }
    /* Nothing was escaped: the value stands without the quote. */
    memmove(line->data + start, line->data + start + 1, line->length - start);
    line->length--;
}
