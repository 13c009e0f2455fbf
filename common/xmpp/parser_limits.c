/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What start tags will have when they are written.
 */
#include "common/xmpp/parser_limits.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/macros.h"

static const char *const addressing[LIMITS_ADDRESSING] = {"from", "to", "id", "type", "lang"};

static bool is_addressing(const xmlChar *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(addressing); i++) {
        if (strcmp(addressing[i], (const char *)name) == 0) {
            return true;
        }
    }
    return false;
}

unsigned limits_stanza_attributes(int count, const xmlChar **fields)
{
    unsigned attributes = ARRAY_SIZE(addressing);

    for (; count > 0; count--, fields += 5) {
        attributes += !is_addressing(fields[0]);
    }
    return attributes;
}

static bool is_first_of_namespace(const xmlChar **fields, const xmlChar **field)
{
    for (; fields < field; fields += 5) {
        if (fields[2] && strcmp((const char *)fields[2], (const char *)field[2]) == 0) {
            return false;
        }
    }
    return true;
}

unsigned limits_written_namespaces(int count, const xmlChar **fields)
{
    const xmlChar **begin = fields;
    unsigned namespaces = 1;

    for (; count > 0; count--, fields += 5) {
        namespaces += fields[2] && is_first_of_namespace(begin, fields);
    }
    return namespaces;
}
