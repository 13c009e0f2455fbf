/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * One line of a configuration file, as text.
 */
#include "common/config/tokenizer.h"

#include <stdint.h>
#include <string.h>
#include <unistr.h>

#include "common/base/error.h"

struct cursor {
    struct arena *arena;
    const char *start, *at, *end;
    struct config_mistake *mistake;
};

static size_t column_of(const struct cursor *c)
{
    return (size_t)(c->at - c->start) + 1;
}

static int fail(struct cursor *c, const char *text)
{
    *c->mistake = (struct config_mistake){column_of(c), text};
    return ERR_MALFORMED;
}

static bool at_char(const struct cursor *c, char wanted)
{
    return c->at < c->end && *c->at == wanted;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && is_blank(*c->at)) {
        c->at++;
    }
}

/* '#' and ';' inside a word belong to it. */
static bool at_comment(const struct cursor *c)
{
    return (at_char(c, '#') || at_char(c, ';')) && (c->at == c->start || is_blank(c->at[-1]));
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static int read_name(struct cursor *c, struct config_line *line)
{
    const char *first = c->at;

    line->name_column = column_of(c);
    while (c->at < c->end && is_name_char(*c->at)) {
        c->at++;
    }
    if (c->at == first) {
        return fail(c, "a name is expected here, made of letters, digits and '-'");
    }
    line->name = arena_strndup(c->arena, first, (size_t)(c->at - first));
    return 0;
}

/* c->at stands on the opening quote; then behind the closing one. */
static int read_quoted(struct cursor *c, struct config_line *line)
{
    size_t size = 0;
    char *value = arena_alloc(c->arena, (size_t)(c->end - c->at));

    line->value_column = column_of(c);
    line->quoted = true;
    const char *opening = c->at++;
    for (; !at_char(c, '"'); c->at++) {
        if (c->at == c->end) {
            c->at = opening;
            return fail(c, "the quote is not closed");
        }
        if (*c->at == '\\') {
            if (c->end - c->at < 2 || (c->at[1] != '"' && c->at[1] != '\\')) {
                return fail(c, "only \\\" and \\\\ are known inside quotes");
            }
            c->at++;
        }
        value[size++] = *c->at;
    }
    c->at++;
    value[size] = '\0';
    line->value = value;
    return 0;
}

static void read_plain(struct cursor *c, struct config_line *line)
{
    const char *first = c->at, *last = c->at;

    line->value_column = column_of(c);
    for (; c->at < c->end && !at_comment(c); c->at++) {
        last = is_blank(*c->at) ? last : c->at + 1;
    }
    line->value = arena_strndup(c->arena, first, (size_t)(last - first));
}

static int expect_end(struct cursor *c)
{
    skip_blanks(c);
    if (c->at < c->end && !at_comment(c)) {
        return fail(c, "nothing more is expected here");
    }
    return 0;
}

static int read_section(struct cursor *c, struct config_line *line)
{
    line->kind = CONFIG_LINE_SECTION;
    c->at++;
    skip_blanks(c);
    int error = read_name(c, line);
    if (error) {
        return error;
    }
    skip_blanks(c);
    if (at_char(c, '"')) {
        error = read_quoted(c, line);
        if (error) {
            return error;
        }
        skip_blanks(c);
    }
    if (!at_char(c, ']')) {
        return fail(c, line->value ? "']' is missing" : "']' or a name in quotes is missing");
    }
    c->at++;
    return expect_end(c);
}

static int read_value(struct cursor *c, struct config_line *line)
{
    line->kind = CONFIG_LINE_VALUE;
    int error = read_name(c, line);
    if (error) {
        return error;
    }
    skip_blanks(c);
    if (!at_char(c, '=')) {
        return fail(c, "'=' is missing");
    }
    c->at++;
    skip_blanks(c);
    if (!at_char(c, '"')) {
        read_plain(c, line);
        return 0;
    }
    error = read_quoted(c, line);
    return error ? error : expect_end(c);
}

/* What no line may hold, wherever it stands. */
static int check_bytes(struct cursor *c)
{
    if (c->end - c->start > CONFIG_LINE_MAX) {
        c->at = c->start + CONFIG_LINE_MAX;
        return fail(c, "the line is longer than 4096 bytes");
    }
    for (; c->at < c->end; c->at++) {
        if (((uint8_t)*c->at < 0x20 && *c->at != '\t') || *c->at == 0x7f) {
            return fail(c, "control characters are not allowed");
        }
    }
    const uint8_t *text = (const uint8_t *)c->start;
    const uint8_t *bad = u8_check(text, (size_t)(c->end - c->start));
    c->at = bad ? c->start + (bad - text) : c->start;
    return bad ? fail(c, "this is not UTF-8") : 0;
}

int config_line_parse(struct arena *arena, const char *text, size_t length,
                      struct config_line *line, struct config_mistake *mistake)
{
    if (length > 0 && text[length - 1] == '\r') {
        length--;
    }
    struct cursor c = {arena, text, text, text + length, mistake};
    *line = (struct config_line){.kind = CONFIG_LINE_EMPTY};
    int error = check_bytes(&c);
    if (error) {
        return error;
    }
    skip_blanks(&c);
    if (c.at == c.end || at_comment(&c)) {
        return 0;
    }
    return *c.at == '[' ? read_section(&c, line) : read_value(&c, line);
}
