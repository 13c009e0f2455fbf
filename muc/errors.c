/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Errors of rooms.
 */
#include "muc/errors.h"

#include <string.h>

#include "common/base/memory.h"

static const struct situation_row {
    enum stanza_condition condition;
    const char *type, *section, *text;
} rows[SITUATIONS] = {
#define SITUATION(name, condition, type, section, text)                                            \
    [SITUATION_##name] = {STANZA_##condition, type, section, text},
#include "muc/errors.def"
#undef SITUATION
};

struct stanza *situation_error(const struct stanza *request, enum situation situation)
{
    const struct situation_row *row = &rows[situation];

    return stanza_error_typed(request, row->condition, row->type, row->text);
}

const char *situation_section(enum situation situation)
{
    return rows[situation].section;
}

const char *situation_limit(enum situation situation)
{
    static const char *const limits[SITUATIONS] = {
        [SITUATION_ENTER_FULL] = "occupants",
        [SITUATION_ENTER_TOO_MANY_ROOMS] = "rooms-per-user",
        [SITUATION_MESSAGE_TOO_LARGE] = "size",
        [SITUATION_MESSAGE_TOO_FAST] = "rate",
        [SITUATION_ADMIN_TOO_MANY] = "affiliations",
    };

    return limits[situation];
}

char *situation_describe(enum situation situation)
{
    const struct situation_row *row = &rows[situation];
    bool is_other = strncmp(row->section, "XEP", 3) == 0;

    return xasprintf("%s, %s%s%s%s", stanza_condition_name(row->condition),
                     is_other ? "" : "XEP-0045 ", row->section, row->text ? ": " : "",
                     row->text ? row->text : "");
}
