/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading and writing data forms.
 */
#include "common/xmpp/form.h"

#include <string.h>

static bool has_type(const struct element *form, const char *type)
{
    const char *given = element_get(form, "type");

    return element_is(form, NS_DATA_FORM, "x") && given && strcmp(given, type) == 0;
}

const struct element *form_submitted(const struct element *parent, const char *type)
{
    ELEMENT_FOREACH (form, parent) {
        const char *form_type;

        if (!has_type(form, "submit"))
            continue;
        form_type = form_get(form, "FORM_TYPE");
        if (!form_type || strcmp(form_type, type) == 0)
            return form;
    }
    return NULL;
}

bool form_is_cancelled(const struct element *parent)
{
    ELEMENT_FOREACH (form, parent) {
        if (has_type(form, "cancel"))
            return true;
    }
    return false;
}

bool form_is_field(const struct element *field)
{
    const char *var = element_get(field, "var");

    return element_is(field, NS_DATA_FORM, "field") && var && strcmp(var, "FORM_TYPE") != 0;
}

const char *form_values(const struct element *field)
{
    struct buffer values = {0};
    bool any = false;
    const char *text;

    ELEMENT_FOREACH (child, field) {
        if (!element_is(child, NS_DATA_FORM, "value"))
            continue;
        if (any)
            buffer_append_text(&values, "\n");
        buffer_append_text(&values, element_text(child));
        any = true;
    }
    text = any ? arena_strndup(field->arena, values.length > 0 ? values.data : "", values.length)
               : NULL;
    buffer_fini(&values);
    return text;
}

const char *form_get(const struct element *form, const char *var)
{
    ELEMENT_FOREACH (field, form) {
        const char *name = element_get(field, "var");

        if (element_is(field, NS_DATA_FORM, "field") && name && strcmp(name, var) == 0)
            return form_values(field);
    }
    return NULL;
}

struct element *form_add(struct element *parent, const char *type, const char *form_type)
{
    struct element *form = element_add(parent, NS_DATA_FORM, "x");

    element_set(form, "type", type);
    form_add_field(form, "FORM_TYPE", "hidden", form_type);
    return form;
}

void form_add_values(struct element *field, const char *values)
{
    const char *end;

    while ((end = strchr(values, '\n'))) {
        element_add_text_length(element_add(field, NS_DATA_FORM, "value"), values,
                                (size_t)(end - values));
        values = end + 1;
    }
    element_add_with_text(field, NS_DATA_FORM, "value", values);
}

struct element *form_add_field(struct element *form, const char *var, const char *type,
                               const char *values)
{
    struct element *field = element_add(form, NS_DATA_FORM, "field");

    element_set(field, "var", var);
    element_set(field, "type", type);
    if (values)
        form_add_values(field, values);
    return field;
}
