/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The errors of rooms: situations in a table (errors.def).
 */
#pragma once

#include "common/xmpp/stanza.h"

enum situation {
#define SITUATION(name, condition, type, section, text) SITUATION_##name,
#include "muc/errors.def"
#undef SITUATION
    SITUATIONS
};

/* The error reply; NULL if it must not be answered with one. */
struct stanza *situation_error(const struct stanza *request, enum situation situation);
/* Of XEP-0045, e.g. "7.2.5". */
const char *situation_section(enum situation situation);
/* The key of the limit of the configuration that it is; NULL: it is none. */
const char *situation_limit(enum situation situation);
/* "policy-violation, XEP-0045 16: Too many messages", for who follows it; free() it. */
char *situation_describe(enum situation situation);
