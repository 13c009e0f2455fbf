/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The text of a network document as sections with checked values.
 */
#include "common/network/reader.h"

#include <stdarg.h>
#include <string.h>
#include <utlist.h>

#include "common/config/suggest.h"
#include "common/config/tokenizer.h"
#include "common/network/network.h"

#define NUMBER_MAX INT64_MAX

static const char *const roles[] = {"front", "home", "s2s", "registrar", NULL};
static const char *const states[] = {"joining", "active", "draining", "suspended", NULL};

static const struct {
    const char *name;
    enum config_type name_type;
} sections[SECTIONS] = {
    [SECTION_NETWORK] = {"network", CONFIG_DOMAIN},
    [SECTION_KEYHOLDER] = {"keyholder", CONFIG_TEXT},
    [SECTION_MEMBER] = {"member", CONFIG_DOMAIN},
    [SECTION_HOME] = {"home", CONFIG_TEXT},
    [SECTION_SUSPENSION] = {"suspension", CONFIG_DOMAIN},
    [SECTION_SIGNATURE] = {"signature", CONFIG_TEXT},
};

/* clang-format off */
static const struct config_item items[] = {
    {"network", "format", CONFIG_NUMBER, CONFIG_REQUIRED, NULL, 1, 1000, NULL, NULL},
    {"network", "needs-format", CONFIG_NUMBER, 0, NULL, 1, 1000, NULL, NULL},
    {"network", "serial", CONFIG_NUMBER, CONFIG_REQUIRED, NULL, 1, NUMBER_MAX, NULL, NULL},
    {"network", "expires", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
    {"network", "registrar", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
    {"network", "registrar-lost", CONFIG_TEXT, 0, NULL, 0, 0, NULL, NULL},
    {"network", "last-number", CONFIG_NUMBER, 0, NULL, 1, INT32_MAX, NULL, NULL},
    {"network", "required-signatures", CONFIG_NUMBER, CONFIG_REQUIRED, NULL, 1, 64, NULL, NULL},

    {"keyholder", "key", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},

    {"member", "number", CONFIG_NUMBER, CONFIG_REQUIRED, NULL, 1, INT32_MAX, NULL, NULL},
    {"member", "address", CONFIG_TEXT, CONFIG_LIST | CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
    {"member", "pin", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
    {"member", "next-pin", CONFIG_TEXT, 0, NULL, 0, 0, NULL, NULL},
    {"member", "signing-key", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
    {"member", "operator", CONFIG_TEXT, 0, NULL, 0, 0, NULL, NULL},
    {"member", "role", CONFIG_CHOICE, CONFIG_LIST, NULL, 0, 0, roles, NULL},
    {"member", "state", CONFIG_CHOICE, CONFIG_REQUIRED, NULL, 0, 0, states, NULL},

    {"home", "epoch", CONFIG_NUMBER, CONFIG_REQUIRED, NULL, 1, NUMBER_MAX, NULL, NULL},
    {"home", "host", CONFIG_DOMAIN, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},

    {"suspension", "begins", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
    {"suspension", "ends", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
    {"suspension", "by", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
    {"suspension", "signature", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},

    {"signature", "value", CONFIG_TEXT, CONFIG_REQUIRED, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */

const char *reader_section_name(enum reader_section section)
{
    return sections[section].name;
}

void reader_report(struct reader *reader, const struct reader_place *place, const char *format, ...)
{
    va_list arguments;

    reader->mistakes++;
    if (!reader->errors)
        return;
    fprintf(reader->errors, "%s:%zu:%zu: ", reader->name, place->line, place->column);
    va_start(arguments, format);
    vfprintf(reader->errors, format, arguments);
    va_end(arguments);
    fputc('\n', reader->errors);
}

static struct reader_place at_column(const struct reader *reader, size_t column)
{
    return (struct reader_place){reader->place.line, column};
}

#define report_at(reader, column, ...)                                                             \
    do {                                                                                           \
        struct reader_place place_ = at_column((reader), (column));                                \
        reader_report((reader), &place_, __VA_ARGS__);                                             \
    } while (0)

const struct reader_value *reader_find(const struct reader_group *group, const char *key)
{
    const struct reader_value *value;

    LL_FOREACH (group->values, value) {
        if (strcmp(value->item->key, key) == 0)
            return value;
    }
    return NULL;
}

/* A newer release says by needs-format what has to be understood; the rest may be passed over. */
static bool is_newer(const struct reader *reader)
{
    return reader->format > NETWORK_FORMAT;
}

static const char *hint(struct reader *reader, const struct suggestion *suggestion)
{
    return suggestion->best
               ? arena_printf(reader->arena, "; did you mean \"%s\"?", suggestion->best)
               : "";
}

/* --- sections --- */

/* SECTIONS: not known; reported. */
static enum reader_section known_section(struct reader *reader, const struct config_line *line)
{
    struct suggestion suggestion = suggestion_for(line->name);

    for (int i = 0; i < SECTIONS; i++) {
        if (strcmp(sections[i].name, line->name) == 0)
            return (enum reader_section)i;
        suggestion_consider(&suggestion, sections[i].name);
    }
    if (!is_newer(reader))
        report_at(reader, line->name_column, "unknown section [%s]%s", line->name,
                  hint(reader, &suggestion));
    return SECTIONS;
}

/* NULL: reported. */
static const char *instance_of(struct reader *reader, enum reader_section section,
                               const struct config_line *line)
{
    const struct config_item item = {.type = sections[section].name_type};
    struct config_value value;

    if (!line->value || !line->value[0]) {
        report_at(reader, line->name_column, "[%s] needs a name", line->name);
        return NULL;
    }
    const char *problem = config_value_parse(reader->arena, "", &item, line->value, &value);
    if (problem) {
        report_at(reader, line->value_column, "%s", problem);
        return NULL;
    }
    return value.text;
}

static bool is_repeated(struct reader *reader, enum reader_section section, const char *instance,
                        const struct config_line *line)
{
    const struct reader_group *group;

    LL_FOREACH (reader->groups, group) {
        if (group->section == section &&
            (section == SECTION_NETWORK || strcmp(group->instance, instance) == 0)) {
            report_at(reader, line->name_column, "[%s] is there already, in line %zu", line->name,
                      group->place.line);
            return true;
        }
    }
    return false;
}

static void begin_section(struct reader *reader, const struct config_line *line)
{
    enum reader_section section = known_section(reader, line);
    const char *instance = section == SECTIONS ? NULL : instance_of(reader, section, line);

    reader->in_section = true;
    reader->group = NULL;
    if (!instance || is_repeated(reader, section, instance, line))
        return;
    reader->group = arena_zalloc(reader->arena, sizeof(*reader->group));
    reader->group->section = section;
    reader->group->instance = instance;
    reader->group->place = at_column(reader, line->name_column);
    LL_APPEND(reader->groups, reader->group);
}

/* --- values --- */

static const struct config_item *known_item(struct reader *reader, const struct config_line *line)
{
    const char *section = sections[reader->group->section].name;
    struct suggestion suggestion = suggestion_for(line->name);

    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        if (strcmp(items[i].section, section) != 0)
            continue;
        if (strcmp(items[i].key, line->name) == 0)
            return &items[i];
        suggestion_consider(&suggestion, items[i].key);
    }
    if (!is_newer(reader))
        report_at(reader, line->name_column, "unknown key \"%s\" in [%s]%s", line->name, section,
                  hint(reader, &suggestion));
    return NULL;
}

static void set_value(struct reader *reader, const struct config_line *line)
{
    const struct config_item *item = known_item(reader, line);
    const struct reader_value *earlier = item ? reader_find(reader->group, item->key) : NULL;
    struct config_value value;

    if (!item)
        return;
    if (earlier && !(item->flags & CONFIG_LIST)) {
        report_at(reader, line->name_column, "\"%s\" is set a second time, first in line %zu",
                  line->name, earlier->place.line);
        return;
    }
    const char *problem =
        line->value[0] ? config_value_parse(reader->arena, "", item, line->value, &value)
                       : arena_printf(reader->arena, "the value of \"%s\" is missing", line->name);
    if (problem) {
        report_at(reader, line->value_column, "%s", problem);
        return;
    }
    struct reader_value *added = arena_zalloc(reader->arena, sizeof(*added));
    *added = (struct reader_value){item, value, at_column(reader, line->value_column), NULL};
    LL_APPEND(reader->group->values, added);
    if (strcmp(item->key, "format") == 0)
        reader->format = (unsigned)value.number;
}

/* --- lines --- */

static void read_line(struct reader *reader, const char *text, size_t length)
{
    struct config_line line;
    struct config_mistake mistake;

    if (config_line_parse(reader->arena, text, length, &line, &mistake)) {
        report_at(reader, mistake.column, "%s", mistake.text);
        return;
    }
    if (line.kind == CONFIG_LINE_SECTION) {
        begin_section(reader, &line);
    } else if (line.kind == CONFIG_LINE_VALUE && !reader->in_section) {
        report_at(reader, line.name_column, "\"%s\" is in no section", line.name);
    } else if (line.kind == CONFIG_LINE_VALUE && reader->group) {
        set_value(reader, &line);
    }
}

/* Nothing of the body may stand behind it, or it would be unsigned. */
static void keep_order(struct reader *reader, size_t offset, bool *ended)
{
    if (!reader->group || reader->group->place.line != reader->place.line)
        return;
    if (reader->group->section >= SECTION_SUSPENSION) {
        reader->body_length = *ended ? reader->body_length : offset;
        *ended = true;
    } else if (*ended) {
        reader_report(reader, &reader->place, "[%s] has to stand before all signatures",
                      sections[reader->group->section].name);
    }
}

static void check_required(struct reader *reader)
{
    const struct reader_group *group;

    LL_FOREACH (reader->groups, group) {
        for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
            if (strcmp(items[i].section, sections[group->section].name) == 0 &&
                (items[i].flags & CONFIG_REQUIRED) && !reader_find(group, items[i].key))
                reader_report(reader, &group->place, "\"%s\" is missing in [%s \"%s\"]",
                              items[i].key, items[i].section, group->instance);
        }
    }
}

void reader_read(struct reader *reader, const char *text, size_t length)
{
    bool ended = false;

    reader->body_length = length;
    for (size_t offset = 0; offset < length;) {
        const char *line = text + offset;
        const char *newline = memchr(line, '\n', length - offset);
        size_t line_length = newline ? (size_t)(newline - line) : length - offset;
        reader->place = (struct reader_place){reader->place.line + 1, 1};
        read_line(reader, line, line_length);
        keep_order(reader, offset, &ended);
        offset += line_length + (newline ? 1 : 0);
    }
    if (reader->mistakes == 0)
        check_required(reader);
}
