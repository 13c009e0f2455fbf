/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The byte order mark and the XML declaration.
 */
#include "common/xmpp/parser_prolog.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/base/macros.h"

static const char bom[] = "\xEF\xBB\xBF";
static const char opening[] = "<?xml";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct cursor {
    const char *at;
    const char *end;
};

static bool skip_blanks(struct cursor *cursor)
{
    const char *from = cursor->at;

    while (cursor->at < cursor->end && is_blank(*cursor->at)) {
        cursor->at++;
    }
    return cursor->at > from;
}

static bool skip_text(struct cursor *cursor, const char *text)
{
    size_t length = strlen(text);

    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, text, length) != 0) {
        return false;
    }
    cursor->at += length;
    return true;
}

/* = 'value'; the value's length, or -1. */
static int read_value(struct cursor *cursor, const char **value)
{
    skip_blanks(cursor);
    if (!skip_text(cursor, "=")) {
        return -1;
    }
    skip_blanks(cursor);
    if (cursor->at == cursor->end || (*cursor->at != '"' && *cursor->at != '\'')) {
        return -1;
    }
    *value = cursor->at + 1;
    const char *closing = memchr(*value, *cursor->at, (size_t)(cursor->end - *value));
    if (!closing) {
        return -1;
    }
    cursor->at = closing + 1;
    return (int)(closing - *value);
}

/* In this order (XML 1.0 §2.8), the first one required. */
static const struct pseudo_attribute {
    const char *name;
    const char *values[2];
    enum prolog_result otherwise;
} pseudo_attributes[] = {
    {"version", {"1.0"}, PROLOG_MALFORMED},
    {"encoding", {"UTF-8"}, PROLOG_ENCODING},
    {"standalone", {"yes", "no"}, PROLOG_MALFORMED},
};

/* Names of encodings have no case; "YES" and "No" are a mistake nobody is hurt by. */
static bool is_value(const struct pseudo_attribute *row, const char *value, int length)
{
    for (size_t i = 0; i < ARRAY_SIZE(row->values); i++) {
        const char *allowed = row->values[i];
        if (allowed && strlen(allowed) == (size_t)length &&
            strncasecmp(allowed, value, (size_t)length) == 0) {
            return true;
        }
    }
    return false;
}

/* What is between "<?xml" and "?>". */
static enum prolog_result read_declaration(struct cursor cursor)
{
    for (size_t i = 0; i < ARRAY_SIZE(pseudo_attributes); i++) {
        const struct pseudo_attribute *row = &pseudo_attributes[i];
        const char *value;
        struct cursor before = cursor;
        if (!skip_blanks(&cursor) || !skip_text(&cursor, row->name)) {
            if (i == 0) {
                return PROLOG_MALFORMED;
            }
            cursor = before;
            continue;
        }
        int length = read_value(&cursor, &value);
        if (length < 0) {
            return PROLOG_MALFORMED;
        }
        if (!is_value(row, value, length)) {
            return row->otherwise;
        }
    }
    skip_blanks(&cursor);
    return cursor.at == cursor.end ? PROLOG_DONE : PROLOG_MALFORMED;
}

/* The first bytes of UTF-16 and UTF-32 texts, with or without a mark: all have one of these among
 * the first two. */
static bool is_wide(const char *bytes, size_t length)
{
    for (size_t i = 0; i < MIN(length, 2); i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == 0xFE || byte == 0xFF || byte == 0x00) {
            return true;
        }
    }
    return false;
}

static bool begins_with(const char *bytes, size_t length, const char *prefix)
{
    return memcmp(bytes, prefix, MIN(length, strlen(prefix))) == 0;
}

enum prolog_result prolog_read(const char *bytes, size_t length, size_t *rest)
{
    if (is_wide(bytes, length)) {
        return PROLOG_ENCODING;
    }
    if (begins_with(bytes, length, bom)) {
        size_t skipped = MIN(length, strlen(bom));
        bytes += skipped;
        length -= skipped;
    }
    if (!begins_with(bytes, length, opening) ||
        (length > strlen(opening) && !is_blank(bytes[strlen(opening)]))) {
        *rest = length;
        return PROLOG_DONE;
    }
    if (length <= strlen(opening) || bytes[length - 1] != '>' || bytes[length - 2] != '?') {
        return length < PROLOG_MAX ? PROLOG_MORE : PROLOG_MALFORMED;
    }
    *rest = 0;
    return read_declaration((struct cursor){bytes + strlen(opening), bytes + length - 2});
}
