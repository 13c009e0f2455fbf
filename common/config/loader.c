/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reads files into a struct config and reports every mistake.
 */
#include "common/config/loader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/base/error.h"
#include "common/base/memory.h"
#include "common/config/domain.h"
#include "common/config/schema.h"
#include "common/config/tokenizer.h"

void config_loader_report(struct config_loader *loader, const struct config_place *place,
                          const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = xvasprintf(format, args);
    va_end(args);
    const struct config_finding finding = {place->file, place->line, place->column, text};
    loader->mistakes++;
    loader->report(loader->user, &finding);
    free(text);
}

static struct config_place at_column(const struct config_loader *loader, size_t column)
{
    struct config_place place = loader->place;

    place.column = column;
    return place;
}

#define report_at(loader, column, ...)                                                             \
    do {                                                                                           \
        struct config_place place_ = at_column((loader), (column));                                \
        config_loader_report((loader), &place_, __VA_ARGS__);                                      \
    } while (0)

/* "; did you mean "x"?", or nothing. */
static const char *hint(struct config_loader *loader, const char *suggestion)
{
    return suggestion ? arena_printf(loader->config->arena, "; did you mean \"%s\"?", suggestion)
                      : "";
}

static const struct config_section *known_section(struct config_loader *loader,
                                                  const struct config_line *line)
{
    const struct config_section *section = config_section_find(line->name);

    if (!section) {
        report_at(loader, line->name_column, "unknown section [%s]%s", line->name,
                  hint(loader, config_section_suggest(line->name)));
        return NULL;
    }
    if (section->named && !line->value) {
        report_at(loader, line->name_column, "[%s] needs a name: [%s \"example.net\"]", line->name,
                  line->name);
        return NULL;
    }
    if (!section->named && line->value) {
        report_at(loader, line->value_column, "[%s] has no name", line->name);
        return NULL;
    }
    return section;
}

/* ERR_INVALID: reported. */
static int prepare_instance(struct config_loader *loader, const struct config_section *section,
                            const struct config_line *line, const char **instance)
{
    const struct config_item item = {.type = section->name_type};
    struct config_value value = {0};

    if (line->value) {
        const char *problem = config_value_parse(loader->config->arena, loader->directory, &item,
                                                 line->value, &value);
        if (problem) {
            report_at(loader, line->value_column, "%s", problem);
            return ERR_INVALID;
        }
    }
    *instance = value.text;
    return 0;
}

static void begin_section(struct config_loader *loader, const struct config_line *line)
{
    const struct config_section *section = known_section(loader, line);
    const char *instance;

    loader->in_section = true;
    loader->group = NULL;
    if (!section || prepare_instance(loader, section, line, &instance)) {
        return;
    }
    loader->group = config_group_find(loader->config, section->name, instance);
    if (!loader->group) {
        loader->group = config_group_add(loader->config, section, instance);
    }
    if (!loader->group->place.file) {
        loader->group->place = at_column(loader, line->name_column);
    }
}

static struct config_setting *known_setting(struct config_loader *loader,
                                            const struct config_line *line)
{
    const char *section = loader->group->section->name;
    struct config_setting *setting = config_setting_find(loader->group, line->name);

    if (setting) {
        return setting;
    }
    const char *suggestion = config_item_suggest(section, line->name);
    const char *elsewhere = config_section_with(line->name);
    if (elsewhere) {
        report_at(loader, line->name_column, "unknown key \"%s\" in [%s]; it belongs into [%s]",
                  line->name, section, elsewhere);
    } else {
        report_at(loader, line->name_column, "unknown key \"%s\" in [%s]%s", line->name, section,
                  hint(loader, suggestion));
    }
    return NULL;
}

/* A later file replaces what earlier ones said. ERR_INVALID: the key stands twice; reported. */
static int begin_setting(struct config_loader *loader, struct config_setting *setting,
                         const struct config_line *line)
{
    bool said_here = setting->place.file && strcmp(setting->place.file, loader->place.file) == 0;

    if (said_here && !(setting->item->flags & CONFIG_LIST)) {
        report_at(loader, line->name_column, "\"%s\" is set a second time, first in line %zu",
                  line->name, setting->place.line);
        return ERR_INVALID;
    }
    if (!said_here) {
        setting->values = NULL;
        setting->place = at_column(loader, line->name_column);
    }
    setting->settled = true;
    return 0;
}

static void set_value(struct config_loader *loader, const struct config_line *line)
{
    struct config_setting *setting = known_setting(loader, line);
    struct config_value value;

    if (!setting || begin_setting(loader, setting, line)) {
        return;
    }
    bool is_empty = line->value[0] == '\0';
    if (is_empty && !line->quoted && (setting->item->flags & CONFIG_LIST)) {
        return;
    }
    if (is_empty && (!line->quoted || setting->item->type != CONFIG_TEXT)) {
        report_at(loader, line->value_column, "the value of \"%s\" is missing", line->name);
        return;
    }
    struct config_item item = *setting->item;
    if (loader->elsewhere && item.type == CONFIG_FILE_SECRET)
        item.type = CONFIG_FILE;
    const char *problem = config_value_parse(
        loader->config->arena, loader->elsewhere ? loader->elsewhere : loader->directory, &item,
        line->value, &value);
    if (problem) {
        report_at(loader, line->value_column, "%s", problem);
        return;
    }
    config_setting_add(loader->config, setting, &value);
}

static void read_line(struct config_loader *loader, const char *text, size_t length)
{
    struct config_line line;
    struct config_mistake mistake;

    if (config_line_parse(loader->config->arena, text, length, &line, &mistake)) {
        report_at(loader, mistake.column, "%s", mistake.text);
        return;
    }
    if (line.kind == CONFIG_LINE_SECTION) {
        begin_section(loader, &line);
    } else if (line.kind == CONFIG_LINE_VALUE && !loader->in_section) {
        report_at(loader, line.name_column, "\"%s\" is in no section", line.name);
    } else if (line.kind == CONFIG_LINE_VALUE && loader->group) {
        set_value(loader, &line);
    }
}

static void read_lines(struct config_loader *loader, FILE *file)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length;

    while ((length = getline(&text, &capacity, file)) > 0) {
        size_t skipped = 0;
        loader->place.line++;
        if (loader->place.line == 1 && strncmp(text, byte_order_mark, 3) == 0) {
            skipped = 3;
        }
        length -= text[length - 1] == '\n';
        read_line(loader, text + skipped, (size_t)length - skipped);
    }
    free(text);
}

int config_loader_read(struct config_loader *loader, const char *path)
{
    loader->place = (struct config_place){arena_strdup(loader->config->arena, path), 0, 1};
    loader->group = NULL;
    loader->in_section = false;
    FILE *file = fopen(path, "re");
    if (file) {
        errno = 0;
        read_lines(loader, file);
    }
    bool failed = !file || ferror(file);
    if (failed) {
        loader->place.line = MAX(loader->place.line, 1);
        report_at(loader, 1, "cannot read the file: %s", strerror(errno));
    }
    if (file) {
        fclose(file);
    }
    return failed ? ERR_NOT_FOUND : 0;
}

static const struct config_place *place_of(const struct config_loader *loader,
                                           const struct config_group *group)
{
    return group->place.file ? &group->place : &loader->start;
}

static void check_required(struct config_loader *loader, const struct config_group *group)
{
    for (size_t i = 0; i < group->settings_count; i++) {
        const struct config_setting *setting = &group->settings[i];
        /* Where it was set to something wrong, that has been said. */
        if ((setting->item->flags & CONFIG_REQUIRED) && !setting->settled) {
            config_loader_report(
                loader, place_of(loader, group), "\"%s\" is missing in [%s%s%s%s]",
                setting->item->key, group->section->name, group->instance ? " \"" : "",
                group->instance ? group->instance : "", group->instance ? "\"" : "");
        }
    }
}

static void report_default(void *user, const struct config_item *item, const char *problem)
{
    struct config_loader *loader = user;
    const struct config_group *group = config_group_find(loader->config, item->section, NULL);

    config_loader_report(loader, place_of(loader, group), "the default of \"%s\" in [%s]: %s",
                         item->key, item->section, problem);
}

void config_loader_finish(struct config_loader *loader)
{
    struct config_group *group;

    LL_FOREACH (loader->config->groups, group) {
        if (!group->section->named || group->instance) {
            check_required(loader, group);
        }
    }
    if (loader->mistakes == 0) {
        config_settle(loader->config, report_default, loader);
    }
}
