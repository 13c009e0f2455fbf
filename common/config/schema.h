/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Finding sections and keys in the schema.
 */
#pragma once

#include "common/config/config.h"
#include "common/config/suggest.h"

/* NULL: unknown. */
const struct config_section *config_section_find(const char *name);
const struct config_item *config_item_find(const char *section, const char *key);
/* The rows of a section: the first and how many. */
const struct config_item *config_section_items(const struct config_section *section, size_t *count);
/* The section that does have the key; NULL: none. */
const char *config_section_with(const char *key);
/* What may be meant; NULL: nothing is near. */
const char *config_section_suggest(const char *name);
const char *config_item_suggest(const char *section, const char *key);
