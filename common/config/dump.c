/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing a configuration as a file, and where its values are from.
 */
#include <string.h>
#include <utlist.h>

#include "common/base/memory.h"
#include "common/config/store.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether the tokenizer would read something else without them. */
static bool needs_quotes(const char *text)
{
    size_t length = strlen(text);

    if (length == 0 || text[0] == '"' || is_blank(text[0]) || is_blank(text[length - 1])) {
        return true;
    }
    for (size_t i = 0; i < length; i++) {
        if ((text[i] == '#' || text[i] == ';') && (i == 0 || is_blank(text[i - 1]))) {
            return true;
        }
    }
    return false;
}

static void write_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

static void write_value(const char *key, const char *text, FILE *out)
{
    fprintf(out, "%s = ", key);
    if (needs_quotes(text)) {
        write_quoted(text, out);
    } else {
        fputs(text, out);
    }
    fputc('\n', out);
}

static bool is_said(const struct config_setting *setting)
{
    return setting->place.file != NULL;
}

static void write_origin(const struct config_setting *setting, FILE *out)
{
    if (is_said(setting)) {
        fprintf(out, "# %s:%zu\n", setting->place.file, setting->place.line);
    } else {
        fputs("# default\n", out);
    }
}

/* An empty list is written too: its default may be another one. */
static void write_setting(const struct config_setting *setting, unsigned flags, FILE *out)
{
    const struct config_value *value;
    bool is_empty_list = !setting->values && (setting->item->flags & CONFIG_LIST);

    if ((flags & CONFIG_DUMP_SAID) && !is_said(setting)) {
        return;
    }
    if ((flags & CONFIG_DUMP_ORIGIN) && (setting->values || is_empty_list)) {
        write_origin(setting, out);
    }
    if (is_empty_list) {
        fprintf(out, "%s =\n", setting->item->key);
    }
    LL_FOREACH (setting->values, value) {
        write_value(setting->item->key, value->text, out);
    }
}

static void write_group(const struct config_group *group, unsigned flags, FILE *out)
{
    fprintf(out, "[%s", group->section->name);
    if (group->instance) {
        fputc(' ', out);
        write_quoted(group->instance, out);
    }
    fputs("]\n", out);
    for (size_t i = 0; i < group->settings_count; i++) {
        write_setting(&group->settings[i], flags, out);
    }
    fputc('\n', out);
}

/* A section stands in some file, is asked for with its defaults, or neither. */
static bool is_wanted(const struct config_group *group, unsigned flags)
{
    return (!group->section->named || group->instance) &&
           (group->place.file || !(flags & CONFIG_DUMP_SAID));
}

void config_dump(const struct config *config, unsigned flags, FILE *out)
{
    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_section *section = &config_sections[i];
        const struct config_group *group;
        LL_FOREACH (config->groups, group) {
            if (group->section == section && is_wanted(group, flags)) {
                write_group(group, flags, out);
            }
        }
    }
}

char *config_origin(const struct config *config, const char *section, const char *instance,
                    const char *key)
{
    const struct config_group *group = config_group_find(config, section, instance);
    const struct config_setting *setting = group ? config_setting_find(group, key) : NULL;

    return setting && is_said(setting)
               ? xasprintf("%s:%zu", setting->place.file, setting->place.line)
               : xstrdup("default");
}

static void each_value(const struct config_group *group, const struct config_setting *setting,
                       void (*each)(void *user, const struct config_said *said), void *user)
{
    const struct config_value *value;

    LL_FOREACH (setting->values, value) {
        const struct config_said said = {setting->item,       group->instance,
                                         value->text,         setting->place.file,
                                         setting->place.line, setting->place.column};
        each(user, &said);
    }
}

void config_each_said(const struct config *config,
                      void (*each)(void *user, const struct config_said *said), void *user)
{
    const struct config_group *group;

    LL_FOREACH (config->groups, group) {
        for (size_t i = 0; i < group->settings_count; i++) {
            if (is_said(&group->settings[i])) {
                each_value(group, &group->settings[i], each, user);
            }
        }
    }
}
