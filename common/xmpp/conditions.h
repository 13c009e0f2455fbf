/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The defined conditions of stream errors, stanza errors and SASL failures (conditions.def).
 */
#pragma once

enum stream_condition {
#define STREAM(name, element) STREAM_##name,
#include "common/xmpp/conditions.def"
#undef STREAM
    STREAM_CONDITIONS
};

enum stanza_condition {
#define STANZA(name, element, type) STANZA_##name,
#include "common/xmpp/conditions.def"
#undef STANZA
    STANZA_CONDITIONS
};

enum sasl_condition {
#define SASL(name, element) SASL_##name,
#include "common/xmpp/conditions.def"
#undef SASL
    SASL_CONDITIONS
};

/* The element names, e.g. "not-authorized". */
const char *stream_condition_name(enum stream_condition condition);
const char *stanza_condition_name(enum stanza_condition condition);
const char *sasl_condition_name(enum sasl_condition condition);
/* "auth", "cancel", "continue", "modify" or "wait". */
const char *stanza_condition_type(enum stanza_condition condition);
/* -1 if it is none of the defined ones. */
int stream_condition_parse(const char *name);
int sasl_condition_parse(const char *name);
int stanza_condition_parse(const char *name);
