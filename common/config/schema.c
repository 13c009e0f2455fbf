/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The sections, and finding them and their keys. The keys are in items_*.c.
 */
#include "common/config/schema.h"

#include <string.h>

#include "common/config/items.h"

/* clang-format off */
const struct config_section config_sections[] = {
    {"node", false, "What all daemons of this node share.", CONFIG_TEXT, config_node_items},
    {"router", false, "The router, which takes stanzas from one component to another.", CONFIG_TEXT,
     config_router_items},
    {"component", true,
     "A third-party component (XEP-0114), by its domain. It connects to an address of \"listen\" in "
     "[router] and may do what its section allows.",
     CONFIG_DOMAIN, config_component_items},
    {"c2s", false, "The streams of clients.", CONFIG_TEXT, config_c2s_items},
    {"domain", true, "A domain that clients can connect to, with its certificate.", CONFIG_DOMAIN,
     config_domain_items},
    {"sm", false, "The session manager: the accounts and what they store.", CONFIG_TEXT,
     config_sm_items},
    {"external-service", true,
     "A service beside this one that clients are told of (XEP-0215), such as STUN or TURN. The name "
     "is for the log only.",
     CONFIG_TEXT, config_external_service_items},
    {"database", false, "The connection to PostgreSQL of kontalk-c2s.", CONFIG_TEXT,
     config_database_items},
    {"net", false, "The streams to the other nodes of the network.", CONFIG_TEXT, config_net_items},
    {"s2s", false, "Federation with other domains.", CONFIG_TEXT, config_s2s_items},
    {"files", false, "HTTP File Upload: kontalk-files (docs/FILES.md).", CONFIG_TEXT,
     config_files_items},
    {"muc", false, "Multi-User Chat: kontalk-muc (docs/ROOMS.md).", CONFIG_TEXT, config_muc_items},
    {"peer", true, "Another node or domain, by its name.", CONFIG_DOMAIN, config_peer_items},
};
/* clang-format on */
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
    *count = 0;
    while (section->items[*count].key) {
        ++*count;
    }
    return section->items;
}

static const struct config_item *item_in(const struct config_section *section, const char *key)
{
    for (const struct config_item *item = section->items; item->key; item++) {
        if (strcmp(item->key, key) == 0) {
            return item;
        }
    }
    return NULL;
}

const struct config_item *config_item_find(const char *section, const char *key)
{
    const struct config_section *found = config_section_find(section);

    return found ? item_in(found, key) : NULL;
}

const char *config_section_with(const char *key)
{
    for (size_t i = 0; i < config_sections_count; i++) {
        if (item_in(&config_sections[i], key)) {
            return config_sections[i].name;
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
    const struct config_section *found = config_section_find(section);

    for (const struct config_item *item = found ? found->items : NULL; item && item->key; item++) {
        suggestion_consider(&suggestion, item->key);
    }
    return suggestion.best;
}
