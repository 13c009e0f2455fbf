/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asking a configuration for its values.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/config/schema.h"
#include "common/config/store.h"

/* Only a mistake in our own source gets here. */
static NORETURN void no_such_setting(const char *section, const char *key)
{
    fprintf(stderr, "error event=config_key_unknown section=%s key=%s\n", section, key);
    abort();
}

static const struct config_setting *setting_of(const struct config *config, const char *section,
                                               const char *instance, const char *key)
{
    const struct config_group *group = config_group_find(config, section, instance);

    if (!group) {
        group = config_group_find(config, section, NULL);
    }
    const struct config_setting *setting = group ? config_setting_find(group, key) : NULL;
    if (!setting) {
        no_such_setting(section, key);
    }
    return setting;
}

/* The value of what is not a list; NULL: none. */
static const struct config_value *value_of(const struct config *config, const char *section,
                                           const char *instance, const char *key)
{
    const struct config_setting *setting = setting_of(config, section, instance, key);

    if (setting->item->flags & CONFIG_LIST) {
        no_such_setting(section, key);
    }
    return setting->values;
}

const char *config_text(const struct config *config, const char *section, const char *instance,
                        const char *key)
{
    const struct config_value *value = value_of(config, section, instance, key);

    return value ? value->text : NULL;
}

int64_t config_number(const struct config *config, const char *section, const char *instance,
                      const char *key)
{
    const struct config_value *value = value_of(config, section, instance, key);
    enum config_type type = config_item_find(section, key)->type;

    if (type != CONFIG_NUMBER && type != CONFIG_DURATION && type != CONFIG_SIZE) {
        no_such_setting(section, key);
    }
    return value ? value->number : 0;
}

bool config_bool(const struct config *config, const char *section, const char *instance,
                 const char *key)
{
    const struct config_value *value = value_of(config, section, instance, key);

    if (config_item_find(section, key)->type != CONFIG_BOOL) {
        no_such_setting(section, key);
    }
    return value && value->number;
}

static const struct config_value *values_of(const struct config *config, const char *section,
                                            const char *instance, const char *key)
{
    const struct config_setting *setting = setting_of(config, section, instance, key);

    if (!(setting->item->flags & CONFIG_LIST)) {
        no_such_setting(section, key);
    }
    return setting->values;
}

size_t config_list_size(const struct config *config, const char *section, const char *instance,
                        const char *key)
{
    size_t count = 0;

    for (const struct config_value *value = values_of(config, section, instance, key); value;
         value = value->next) {
        count++;
    }
    return count;
}

const char *config_list_item(const struct config *config, const char *section, const char *instance,
                             const char *key, size_t index)
{
    const struct config_value *value = values_of(config, section, instance, key);

    for (; value && index > 0; index--) {
        value = value->next;
    }
    return value ? value->text : NULL;
}

bool config_list_has(const struct config *config, const char *section, const char *instance,
                     const char *key, const char *item)
{
    const struct config_value *value = values_of(config, section, instance, key);

    while (value && strcmp(value->text, item) != 0) {
        value = value->next;
    }
    return value != NULL;
}

size_t config_instances(const struct config *config, const char *section)
{
    size_t count = 0;

    while (config_instance(config, section, count)) {
        count++;
    }
    return count;
}

const char *config_instance(const struct config *config, const char *section, size_t index)
{
    const struct config_section *wanted = config_section_find(section);
    const struct config_group *group;

    if (!wanted || !wanted->named) {
        no_such_setting(section, "");
    }
    LL_FOREACH (config->groups, group) {
        if (group->section == wanted && group->instance && index-- == 0) {
            return group->instance;
        }
    }
    return NULL;
}
