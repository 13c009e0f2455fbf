/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The names of the defined conditions, from conditions.def.
 */
#include "common/xmpp/conditions.h"

#include <stddef.h>
#include <string.h>

static const char *const stream_names[] = {
#define STREAM(name, element) [STREAM_##name] = element,
#include "common/xmpp/conditions.def"
#undef STREAM
};

static const struct {
    const char *name;
    const char *type;
} stanza_rows[] = {
#define STANZA(name, element, type) [STANZA_##name] = {element, type},
#include "common/xmpp/conditions.def"
#undef STANZA
};

static const char *const sasl_names[] = {
#define SASL(name, element) [SASL_##name] = element,
#include "common/xmpp/conditions.def"
#undef SASL
};

const char *stream_condition_name(enum stream_condition condition)
{
    return stream_names[condition];
}

const char *stanza_condition_name(enum stanza_condition condition)
{
    return stanza_rows[condition].name;
}

const char *sasl_condition_name(enum sasl_condition condition)
{
    return sasl_names[condition];
}

const char *stanza_condition_type(enum stanza_condition condition)
{
    return stanza_rows[condition].type;
}

int stream_condition_parse(const char *name)
{
    for (size_t i = 0; i < STREAM_CONDITIONS; i++) {
        if (strcmp(stream_names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int sasl_condition_parse(const char *name)
{
    for (size_t i = 0; i < SASL_CONDITIONS; i++) {
        if (strcmp(sasl_names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int stanza_condition_parse(const char *name)
{
    for (size_t i = 0; i < STANZA_CONDITIONS; i++) {
        if (strcmp(stanza_rows[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
