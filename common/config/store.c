/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a struct config is inside, and its defaults.
 */
#include "common/config/store.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/base/memory.h"
#include "common/config/schema.h"

struct config *config_new(void)
{
    struct config *config = xcalloc(1, sizeof(*config));

    config->arena = arena_new();
    for (size_t i = 0; i < config_sections_count; i++) {
        config_group_add(config, &config_sections[i], NULL);
    }
    return config;
}

void config_free(struct config *config)
{
    if (config) {
        arena_free(config->arena);
        free(config);
    }
}

struct config_group *config_group_add(struct config *config, const struct config_section *section,
                                      const char *instance)
{
    struct config_group *group = arena_zalloc(config->arena, sizeof(*group));
    const struct config_item *items = config_section_items(section, &group->settings_count);

    group->section = section;
    group->instance = instance ? arena_strdup(config->arena, instance) : NULL;
    group->settings = arena_zalloc(config->arena, group->settings_count * sizeof(*group->settings));
    for (size_t i = 0; i < group->settings_count; i++) {
        group->settings[i].item = &items[i];
    }
    LL_APPEND(config->groups, group);
    return group;
}

static bool is_instance(const struct config_group *group, const char *instance)
{
    if (!group->instance || !instance) {
        return !group->instance && !instance;
    }
    return strcmp(group->instance, instance) == 0;
}

struct config_group *config_group_find(const struct config *config, const char *section,
                                       const char *instance)
{
    struct config_group *group;

    LL_FOREACH (config->groups, group) {
        if (strcmp(group->section->name, section) == 0 && is_instance(group, instance)) {
            return group;
        }
    }
    return NULL;
}

struct config_setting *config_setting_find(const struct config_group *group, const char *key)
{
    for (size_t i = 0; i < group->settings_count; i++) {
        if (strcmp(group->settings[i].item->key, key) == 0) {
            return &group->settings[i];
        }
    }
    return NULL;
}

void config_setting_add(struct config *config, struct config_setting *setting,
                        const struct config_value *value)
{
    struct config_value *copy = arena_alloc(config->arena, sizeof(*copy));

    *copy = *value;
    LL_APPEND(setting->values, copy);
    setting->settled = true;
}

struct settling {
    struct config *config;
    void (*report)(void *user, const struct config_item *item, const char *problem);
    void *user;
};

static void settle(struct settling *settling, struct config_setting *setting);

/* The value "section.key" that a default refers to; NULL: it has none. */
static const char *referred(struct settling *settling, const char *reference)
{
    char *section = arena_strdup(settling->config->arena, reference);
    char *dot = strchr(section, '.');

    *dot = '\0';
    struct config_setting *setting =
        config_setting_find(config_group_find(settling->config, section, NULL), dot + 1);
    settle(settling, setting);
    return setting->values ? setting->values->text : NULL;
}

/* "unix:{router.socket-directory}/c2s.sock" with the value in its place. */
static const char *expand(struct settling *settling, const char *fallback)
{
    struct arena *arena = settling->config->arena;
    const char *open = strchr(fallback, '{');
    const char *close = open ? strchr(open, '}') : NULL;

    if (!close) {
        return fallback;
    }
    const char *value =
        referred(settling, arena_strndup(arena, open + 1, (size_t)(close - open - 1)));
    return value
               ? arena_printf(arena, "%.*s%s%s", (int)(open - fallback), fallback, value, close + 1)
               : NULL;
}

static void add_default(struct settling *settling, struct config_setting *setting, const char *text)
{
    struct config_value value;

    const char *problem =
        config_value_parse(settling->config->arena, "/", setting->item, text, &value);
    if (problem) {
        settling->report(settling->user, setting->item, problem);
        return;
    }
    config_setting_add(settling->config, setting, &value);
}

static void settle(struct settling *settling, struct config_setting *setting)
{
    if (setting->settled) {
        return;
    }
    setting->settled = true;
    const char *fallback =
        setting->item->fallback ? expand(settling, setting->item->fallback) : NULL;
    if (!fallback) {
        return;
    }
    if (!(setting->item->flags & CONFIG_LIST)) {
        add_default(settling, setting, fallback);
        return;
    }
    char *rest = arena_strdup(settling->config->arena, fallback);
    for (char *word; (word = strsep(&rest, " "));) {
        add_default(settling, setting, word);
    }
}

void config_settle(struct config *config,
                   void (*report)(void *user, const struct config_item *item, const char *problem),
                   void *user)
{
    struct settling settling = {config, report, user};
    struct config_group *group;

    LL_FOREACH (config->groups, group) {
        for (size_t i = 0; i < group->settings_count; i++) {
            settle(&settling, &group->settings[i]);
        }
    }
}
