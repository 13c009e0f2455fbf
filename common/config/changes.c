/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What differs between two configurations, and what a reload cannot bring into force.
 */
#include <string.h>
#include <utlist.h>

#include "common/config/store.h"

static bool same_values(const struct config_value *a, const struct config_value *b)
{
    for (; a && b; a = a->next, b = b->next) {
        if (strcmp(a->text, b->text) != 0) {
            return false;
        }
    }
    return !a && !b;
}

/* A section that the configuration has, and not only the defaults of a named one. */
static bool is_there(const struct config_group *group)
{
    return group && (!group->section->named || group->instance);
}

struct comparison {
    struct arena *arena; /* for the texts of one group */
    void (*report)(void *user, const struct config_change *change);
    void *user;
};

static const char *listed(struct arena *arena, const struct config_value *values)
{
    const char *text = NULL;

    for (; values; values = values->next) {
        text = text ? arena_printf(arena, "%s, %s", text, values->text) : values->text;
    }
    return text;
}

static void compare_settings(const struct comparison *comparison, const struct config_group *before,
                             const struct config_group *after)
{
    for (size_t i = 0; i < after->settings_count; i++) {
        const struct config_value *old = before->settings[i].values;
        const struct config_value *new = after->settings[i].values;

        if (!same_values(old, new)) {
            const struct config_change change = {
                after->section, after->instance, after->settings[i].item,
                listed(comparison->arena, old), listed(comparison->arena, new)};
            comparison->report(comparison->user, &change);
        }
    }
}

static void report_whole(const struct comparison *comparison, const struct config_group *group,
                         bool came)
{
    const struct config_change change = {group->section, group->instance, NULL, came ? NULL : "",
                                         came ? "" : NULL};

    comparison->report(comparison->user, &change);
}

void config_compare(const struct config *before, const struct config *after,
                    void (*report)(void *user, const struct config_change *change), void *user)
{
    const struct comparison comparison = {arena_new(), report, user};
    const struct config_group *group;

    LL_FOREACH (after->groups, group) {
        const struct config_group *old =
            config_group_find(before, group->section->name, group->instance);
        if (is_there(group) && old) {
            compare_settings(&comparison, old, group);
        } else if (is_there(group)) {
            report_whole(&comparison, group, true);
        }
    }
    LL_FOREACH (before->groups, group) {
        if (is_there(group) && !config_group_find(after, group->section->name, group->instance)) {
            report_whole(&comparison, group, false);
        }
    }
    arena_free(comparison.arena);
}

static void hold_setting(struct config *config, struct config_setting *setting,
                         const struct config_setting *before)
{
    const struct config_value *value;

    setting->values = NULL;
    LL_FOREACH (before->values, value) {
        struct config_value copy = *value;
        copy.text = arena_strdup(config->arena, value->text);
        copy.next = NULL;
        config_setting_add(config, setting, &copy);
    }
}

void config_hold(struct config *config, const struct config *before)
{
    struct config_group *group;

    LL_FOREACH (config->groups, group) {
        const struct config_group *old =
            config_group_find(before, group->section->name, group->instance);
        for (size_t i = 0; old && i < group->settings_count; i++) {
            if ((group->settings[i].item->flags & CONFIG_RESTART) &&
                !same_values(old->settings[i].values, group->settings[i].values)) {
                hold_setting(config, &group->settings[i], &old->settings[i]);
            }
        }
    }
}
