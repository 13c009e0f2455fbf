/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Lines by patterns. A pattern is words:
 *
 *     home        this word
 *     $name       any word, as text under "name"
 *     #name       a number
 *     $name...    words, up to the next one that the pattern has, or to the end
 *     ?name       whether the word "name" is there, as a boolean
 *     *           the rest, words such as key=value
 *
 * Signs around a name, as in [$section...] or serial=#serial, have to be there, and are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "kontalkctl/json.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

/* A word of a pattern. */
struct part {
    const char *before; /* in front of the sigil */
    size_t before_length;
    char sigil; /* '\0': the word itself */
    const char *name;
    size_t name_length;
    bool many;
    const char *after;
    size_t after_length;
};

static struct part part_of(const char *word)
{
    size_t length = strcspn(word, " "), plain = strcspn(word, "$#?* ");
    struct part part = {.before = word, .before_length = MIN(plain, length)};
    const char *at = word + part.before_length;

    if (part.before_length == length)
        return part;
    part.sigil = *at++;
    part.name = at;
    part.name_length = strspn(at, NAME_LETTERS);
    at += part.name_length;
    part.many = strncmp(at, "...", 3) == 0;
    at += part.many ? 3 : 0;
    part.after = at;
    part.after_length = (size_t)(word + length - at);
    return part;
}

static const char *next_word(const char *at)
{
    at += strcspn(at, " ");
    return at + strspn(at, " ");
}

/* Where the words end that a part stands for. */
static const char *end_of(const struct part *part, const char *line, const char *pattern)
{
    const struct part next = part_of(pattern);
    const char *at = line;

    if (!part->many)
        return line + strcspn(line, " ");
    while (*at) {
        const char *word = next_word(at);
        if (*pattern && !next.sigil && strncmp(word, next.before, next.before_length) == 0 &&
            strchr(" ", word[next.before_length]))
            return at + strcspn(at, " ");
        at = word;
    }
    return at;
}

static json_t *value_of(char sigil, const char *text, size_t length)
{
    char *copy = xstrndup(text, length), *end;
    json_int_t number = strtoll(copy, &end, 10);
    bool numeric = sigil == '#' && length > 0 && *end == '\0';
    json_t *value = numeric ? json_integer(number) : json_string(copy);

    free(copy);
    return value;
}

static void set(json_t *object, const char *name, size_t length, json_t *value)
{
    char *key = xstrndup(name, length);

    json_object_set_new(object, key, value);
    free(key);
}

static void set_pairs(json_t *object, const char *line)
{
    for (; *line; line = next_word(line)) {
        size_t length = strcspn(line, " "), name = strcspn(line, "= ");
        if (name < length)
            set(object, line, name, value_of('#', line + name + 1, length - name - 1));
    }
}

/* What a field takes of the line; NULL: it does not fit. */
static const char *match_field(const struct part *part, const char *line, const char *rest,
                               json_t *object)
{
    const char *end = end_of(part, line, rest);
    size_t length = (size_t)(end - line), around = part->before_length + part->after_length;

    if (length <= around || strncmp(line, part->before, part->before_length) != 0 ||
        strncmp(end - part->after_length, part->after, part->after_length) != 0)
        return NULL;
    set(object, part->name, part->name_length,
        value_of(part->sigil, line + part->before_length, length - around));
    return end + strspn(end, " ");
}

static bool is_word(const char *line, const char *word, size_t length)
{
    return strncmp(line, word, length) == 0 && (line[length] == ' ' || line[length] == '\0');
}

/* NULL: it does not fit. */
static const char *match_part(const struct part *part, const char *line, const char *rest,
                              json_t *object)
{
    bool there;

    switch (part->sigil) {
    case '\0':
        return is_word(line, part->before, part->before_length) ? next_word(line) : NULL;
    case '?':
        there = is_word(line, part->name, part->name_length);
        set(object, part->name, part->name_length, json_boolean(there));
        return there ? next_word(line) : line;
    case '*':
        set_pairs(object, line);
        return line + strlen(line);
    default:
        return match_field(part, line, rest, object);
    }
}

bool json_match(const char *pattern, const char *line, json_t *object)
{
    json_t *found = json_object();

    line += strspn(line, " ");
    while (line && *pattern) {
        const struct part part = part_of(pattern);
        pattern = next_word(pattern);
        line = match_part(&part, line, pattern, found);
    }
    bool fits = line && *line == '\0';
    if (fits)
        json_object_update(object, found);
    json_decref(found);
    return fits;
}
