/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Writing a configuration as a file.
 */
#include <string.h>
#include <utlist.h>

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

/* An empty list is written too: its default may be another one. */
static void write_setting(const struct config_setting *setting, FILE *out)
{
    const struct config_value *value;

    if (!setting->values && (setting->item->flags & CONFIG_LIST)) {
        fprintf(out, "%s =\n", setting->item->key);
    }
    LL_FOREACH (setting->values, value) {
        write_value(setting->item->key, value->text, out);
    }
}

static void write_group(const struct config_group *group, FILE *out)
{
    fprintf(out, "[%s", group->section->name);
    if (group->instance) {
        fputc(' ', out);
        write_quoted(group->instance, out);
    }
    fputs("]\n", out);
    for (size_t i = 0; i < group->settings_count; i++) {
        write_setting(&group->settings[i], out);
    }
    fputc('\n', out);
}

void config_dump(const struct config *config, FILE *out)
{
    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_section *section = &config_sections[i];
        const struct config_group *group;
        LL_FOREACH (config->groups, group) {
            if (group->section == section && (!section->named || group->instance)) {
                write_group(group, out);
            }
        }
    }
}
