/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a reload cannot bring into force.
 */
#include <string.h>

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

void config_needing_restart(const struct config *before, const struct config *after,
                            void (*report)(void *user, const struct config_item *item), void *user)
{
    for (const struct config_group *group = after->groups; group; group = group->next) {
        const struct config_group *old =
            config_group_find(before, group->section->name, group->instance);

        for (size_t i = 0; old && i < group->settings_count; i++) {
            const struct config_item *item = group->settings[i].item;
            if ((item->flags & CONFIG_RESTART) &&
                !same_values(old->settings[i].values, group->settings[i].values)) {
                report(user, item);
            }
        }
    }
}
