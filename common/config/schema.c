/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The sections, and finding them and their keys. The keys are in items.c.
 */
#include "common/config/schema.h"

#include <string.h>

const struct config_section config_sections[] = {
    {"node", false, "What all daemons of this node share.", CONFIG_TEXT},
    {"router", false, "The router, which takes stanzas from one component to another.",
     CONFIG_TEXT},
    {"component", true,
     "A third-party component (XEP-0114), by its domain. It connects to an address of \"listen\" "
     "in "
     "[router] and may do what its section allows.",
     CONFIG_DOMAIN},
    {"c2s", false, "The streams of clients.", CONFIG_TEXT},
    {"domain", true, "A domain that clients can connect to, with its certificate.", CONFIG_DOMAIN},
    {"sm", false, "The session manager: the accounts and what they store.", CONFIG_TEXT},
    {"external-service", true,
     "A service beside this one that clients are told of (XEP-0215), such as STUN or TURN. The "
     "name "
     "is for the log only.",
     CONFIG_TEXT},
    {"database", false, "The connection to PostgreSQL, which only kontalk-c2s has.", CONFIG_TEXT},
    {"net", false, "The streams to the other nodes of the network.", CONFIG_TEXT},
    {"s2s", false, "Federation with other domains.", CONFIG_TEXT},
    {"files", false, "HTTP File Upload: kontalk-files (docs/FILES.md).", CONFIG_TEXT},
    {"peer", true, "Another node or domain, by its name.", CONFIG_DOMAIN},
};
const size_t config_sections_count = ARRAY_SIZE(config_sections);

const struct config_section *config_section_find(const char *name)
{
    for (size_t i = 0; i < config_sections_count; i++) {
        if (strcmp(config_sections[i].name, name) == 0) {
            return &config_sections[i];
        }
    }
    return NULL;
}

const struct config_item *config_section_items(const struct config_section *section, size_t *count)
{
    const struct config_item *first = NULL;

    *count = 0;
    for (size_t i = 0; i < config_items_count; i++) {
        if (strcmp(config_items[i].section, section->name) == 0) {
            first = first ? first : &config_items[i];
            ++*count;
        }
    }
    return first;
}

const struct config_item *config_item_find(const char *section, const char *key)
{
    for (size_t i = 0; i < config_items_count; i++) {
        if (strcmp(config_items[i].section, section) == 0 &&
            strcmp(config_items[i].key, key) == 0) {
            return &config_items[i];
        }
    }
    return NULL;
}

const char *config_section_with(const char *key)
{
    for (size_t i = 0; i < config_items_count; i++) {
        if (strcmp(config_items[i].key, key) == 0) {
            return config_items[i].section;
        }
    }
    return NULL;
}

const char *config_section_suggest(const char *name)
{
    struct suggestion suggestion = suggestion_for(name);

    for (size_t i = 0; i < config_sections_count; i++) {
        suggestion_consider(&suggestion, config_sections[i].name);
    }
    return suggestion.best;
}

const char *config_item_suggest(const char *section, const char *key)
{
    struct suggestion suggestion = suggestion_for(key);

    for (size_t i = 0; i < config_items_count; i++) {
        if (strcmp(config_items[i].section, section) == 0) {
            suggestion_consider(&suggestion, config_items[i].key);
        }
    }
    return suggestion.best;
}
