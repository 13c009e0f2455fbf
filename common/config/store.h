/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a struct config is inside. A group is a section as it stands in the files; the settings of a
 * group are parallel to the section's rows in the schema. Everything is in the arena.
 */
#pragma once

#include "common/config/config.h"
#include "common/config/value.h"

struct config_place {
    const char *file;
    size_t line, column;
};

struct config_setting {
    const struct config_item *item;
    struct config_value *values;
    bool settled;              /* has its values, from a file or by default */
    struct config_place place; /* the first line of the file that said it last */
};

/* Each section has one without an instance; that of a named section only holds the defaults. */
struct config_group {
    const struct config_section *section;
    const char *instance;
    struct config_setting *settings;
    size_t settings_count;
    struct config_place place; /* the first header; file NULL: there is none */
    struct config_group *next;
};

struct config {
    struct arena *arena;
    struct config_group *groups;
};

/* With the groups that stand without any file. */
struct config *config_new(void);
struct config_group *config_group_add(struct config *config, const struct config_section *section,
                                      const char *instance);
/* NULL: there is none. */
struct config_group *config_group_find(const struct config *config, const char *section,
                                       const char *instance);
/* NULL: the schema has no such key. */
struct config_setting *config_setting_find(const struct config_group *group, const char *key);
void config_setting_add(struct config *config, struct config_setting *setting,
                        const struct config_value *value);
/* Gives all settings that no file mentioned their defaults. One that is made of other values can be
 * wrong (a path that is too long): `report` hears of it. */
void config_settle(struct config *config,
                   void (*report)(void *user, const struct config_item *item, const char *problem),
                   void *user);
