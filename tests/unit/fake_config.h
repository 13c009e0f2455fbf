/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The configuration of the fake host: what is not in the table is 8, no, or not there.
 */
#pragma once

#include "common/config/config.h"

bool config_bool(const struct config *config UNUSED, const char *section UNUSED,
                 const char *instance UNUSED, const char *key)
{
    return strcmp(key, "shortcut") == 0 && fake.shortcut;
}

int64_t config_number(const struct config *config UNUSED, const char *section UNUSED,
                      const char *instance UNUSED, const char *key)
{
    const struct {
        const char *key;
        int64_t value;
    } values[] = {
        {"resources-per-user", fake.resources},
        {"roster-size", fake.roster_items},
        {"offline-size", 1000000},
        {"retention-interval", 3600000},
        {"outbox-expiry", 60000},
        {"unacknowledged-size", 4096},
        {"presence-timeout", 600000},
        {"resume-time", fake.resume_ms},
        {"directed-presence", fake.directed},
    };

    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        if (strcmp(key, values[i].key) == 0)
            return values[i].value;
    return 8;
}

const char *config_text(const struct config *config UNUSED, const char *section UNUSED,
                        const char *instance UNUSED, const char *key UNUSED)
{
    return NULL;
}

size_t config_list_size(const struct config *config UNUSED, const char *section UNUSED,
                        const char *instance UNUSED, const char *key UNUSED)
{
    return 0;
}

bool config_list_has(const struct config *config UNUSED, const char *section UNUSED,
                     const char *instance UNUSED, const char *key UNUSED, const char *item UNUSED)
{
    return false;
}

const char *config_list_item(const struct config *config UNUSED, const char *section UNUSED,
                             const char *instance UNUSED, const char *key UNUSED,
                             size_t index UNUSED)
{
    return NULL;
}
