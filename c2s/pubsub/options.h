/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The configuration of a node (XEP-0060 §8.2, §17.4.4): values by option, each in one canonical
 * text ("1" or "0" for booleans; line breaks between several), NULL for the default. Defaults are
 * those of an account (XEP-0163 §5) or of a service.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/macros.h"
#include "common/xmpp/element.h"

enum pubsub_option {
    OPTION_TITLE,
    OPTION_DESCRIPTION,
    OPTION_TYPE,
    OPTION_LANGUAGE,
    OPTION_CONTACT,
    OPTION_DELIVER_NOTIFICATIONS,
    OPTION_DELIVER_PAYLOADS,
    OPTION_NOTIFY_CONFIG,
    OPTION_NOTIFY_DELETE,
    OPTION_NOTIFY_RETRACT,
    OPTION_NOTIFY_SUB,
    OPTION_PERSIST_ITEMS,
    OPTION_MAX_ITEMS,
    OPTION_ITEM_EXPIRE,
    OPTION_PUBLISH_NODE_FULL,
    OPTION_MAX_PAYLOAD_SIZE,
    OPTION_SUBSCRIBE,
    OPTION_ACCESS_MODEL,
    OPTION_ROSTER_GROUPS,
    OPTION_PUBLISH_MODEL,
    OPTION_SEND_LAST,
    OPTION_NOTIFICATION_TYPE,
    PUBSUB_OPTIONS
};

/* Whose node it is. */
enum pubsub_kind { PUBSUB_ACCOUNT, PUBSUB_SERVICE };

struct pubsub_options {
    enum pubsub_kind kind;
    char *values[PUBSUB_OPTIONS]; /* free() */
};

void options_init(struct pubsub_options *options, enum pubsub_kind kind);
void options_copy(struct pubsub_options *to, const struct pubsub_options *from);
void options_fini(struct pubsub_options *options);

/* The value, or the default; "" if there is neither. */
const char *options_get(const struct pubsub_options *options, enum pubsub_option option);
bool options_is(const struct pubsub_options *options, enum pubsub_option option, const char *value);
bool options_on(const struct pubsub_options *options, enum pubsub_option option);
/* "max" and what is more than `limit` is `limit`. */
int64_t options_number(const struct pubsub_options *options, enum pubsub_option option,
                       int64_t limit);

/* Seconds after which an item ends; 0: never. */
int64_t options_expiry(const struct pubsub_options *options);

/* What a number may be at most ([sm] pubsub-…). */
struct pubsub_option_limits {
    int64_t items;
    int64_t payload;
};

/* ERR_NOT_FOUND: no such option; ERR_INVALID: no value that it may have; ERR_TOO_BIG: beyond the
 * limits. NULL as the value: the default. */
MUST_CHECK int options_set(struct pubsub_options *options, const char *var, const char *value,
                           const struct pubsub_option_limits *limits);
/* Whether the option has the value; errors as above. */
MUST_CHECK int options_compare(const struct pubsub_options *options, const char *var,
                               const char *value, const struct pubsub_option_limits *limits,
                               bool *equal);

/* Stored text and back; unknown lines are left out. */
void options_format(const struct pubsub_options *options, struct buffer *out);
void options_parse(struct pubsub_options *options, const char *text);

/* Fields of a form to fill in ("form"), or of what is so ("result"). */
void options_add_form(struct element *parent, const char *type,
                      const struct pubsub_options *options);
/* What others may know of a node (XEP-0060 §5.4). */
void options_add_meta(struct element *form, const struct pubsub_options *options);
