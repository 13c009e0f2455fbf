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

static bool is_printable(struct utf8_character c)
{
    for (size_t i = 0; i < ARRAY_SIZE(unprintable); i++) {
        if (c.code >= unprintable[i].first && c.code <= unprintable[i].last) {
            return false;
        }
    }
    return c.length > 0;
}

static bool needs_quotes(struct utf8_character c)
{
    return c.code == ' ' || c.code == '"' || c.code == '\\' || c.code == '=' || !is_printable(c);
}

static void append_escaped(struct buffer *line, const char *text, struct utf8_character c)
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
        struct utf8_character c = utf8_read(text + i, length - i);
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
