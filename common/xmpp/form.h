/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Data forms (XEP-0004), told apart by their FORM_TYPE (XEP-0068).
 */
#pragma once

#include "common/xmpp/element.h"

#define NS_DATA_FORM "jabber:x:data"

/* The submitted form of this FORM_TYPE in `parent`, NULL if there is none. A form without FORM_TYPE
 * counts as the one that is expected. */
const struct element *form_submitted(const struct element *parent, const char *type);
/* Whether a form was cancelled instead (XEP-0004 §3.1). */
bool form_is_cancelled(const struct element *parent);
/* A field that holds something for the service, so not FORM_TYPE. */
#define FORM_FIELDS(field, form)                                                                   \
    ELEMENT_FOREACH (field, form)                                                                  \
        if (form_is_field(field))
bool form_is_field(const struct element *field);
/* All values with line breaks between, in the arena of the tree; NULL: there is none. */
const char *form_values(const struct element *field);
/* The value of the field `var`; NULL: no such field, or it has no value. */
const char *form_get(const struct element *form, const char *var);

/* type: "form", "result" or "submit". */
struct element *form_add(struct element *parent, const char *type, const char *form_type);
/* values: with line breaks between; NULL: none. */
struct element *form_add_field(struct element *form, const char *var, const char *type,
                               const char *values);
void form_add_values(struct element *field, const char *values);
