/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading a query to the archive: the form (XEP-0313 §4.1), the page (XEP-0059). What comes out of
 * it are numbers, times and an address; nothing a client writes becomes part of a statement.
 */
#include "common/xmpp/archive_query.h"

#include <inttypes.h>
#include <string.h>

#include "common/xmpp/conditions.h"
#include "common/xmpp/datetime.h"
#include "common/xmpp/rsm.h"

#define NS_DATA     "jabber:x:data"
#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate"

/* How many ids a query may name. */
#define IDS_MAX 100

struct reading {
    struct arena *arena;
    const struct archive_ids *names;
    struct archive_query *query;
    size_t ids;
};

static int read_id(struct reading *reading, const char *text, int64_t *seq)
{
    struct buffer *known = &reading->query->known;

    if (reading->names->decode(reading->names->user, text, seq) < 0)
        return STANZA_ITEM_NOT_FOUND;
    buffer_printf(known, "%s%" PRId64, known->length > 0 ? "," : "", *seq);
    return -1;
}

static int read_after(struct reading *reading, const char *text)
{
    int64_t seq;
    int problem = read_id(reading, text, &seq);

    if (problem < 0)
        reading->query->above = MAX(reading->query->above, seq);
    return problem;
}

static int read_before(struct reading *reading, const char *text)
{
    int64_t seq;
    int problem = read_id(reading, text, &seq);

    if (problem < 0)
        reading->query->below = MIN(reading->query->below, seq);
    return problem;
}

static int read_ids(struct reading *reading, const char *text)
{
    struct buffer *ids = &reading->query->ids;
    int64_t seq;
    int problem = read_id(reading, text, &seq);

    if (++reading->ids > IDS_MAX)
        return STANZA_POLICY_VIOLATION;
    if (problem < 0)
        buffer_printf(ids, "%s%" PRId64, ids->length > 0 ? "," : "", seq);
    reading->query->has_ids = true;
    return problem;
}

static int read_with(struct reading *reading, const char *text)
{
    reading->query->has_with = true;
    return jid_parse(reading->arena, text, &reading->query->with) < 0 ? STANZA_BAD_REQUEST : -1;
}

static int read_start(struct reading *reading, const char *text)
{
    reading->query->has_start = true;
    return datetime_parse(text, &reading->query->start_us) < 0 ? STANZA_BAD_REQUEST : -1;
}

static int read_end(struct reading *reading, const char *text)
{
    reading->query->has_end = true;
    return datetime_parse(text, &reading->query->end_us) < 0 ? STANZA_BAD_REQUEST : -1;
}

static int read_form_type(struct reading *reading, const char *text)
{
    (void)reading;
    return strcmp(text, NS_MAM) == 0 ? -1 : STANZA_BAD_REQUEST;
}

/* There is nothing of rooms in the archive of an account, and nothing else in that of a room, so it
 * makes no difference. */
static int read_include_groupchat(struct reading *reading, const char *text)
{
    static const char *const values[] = {"true", "false", "1", "0"};

    (void)reading;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        if (strcmp(text, values[i]) == 0)
            return -1;
    }
    return STANZA_BAD_REQUEST;
}

static const struct field {
    const char *name, *type;
    bool many;
    int (*read)(struct reading *reading, const char *text);
} fields[] = {
    {"FORM_TYPE", "hidden", false, read_form_type},
    {"with", "jid-single", false, read_with},
    {"start", "text-single", false, read_start},
    {"end", "text-single", false, read_end},
    {"before-id", "text-single", false, read_before},
    {"after-id", "text-single", false, read_after},
    {"ids", "list-multi", true, read_ids},
    {"include-groupchat", "boolean", false, read_include_groupchat},
};

static const struct field *find_field(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(fields); i++) {
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    }
    return NULL;
}

static int read_values(struct reading *reading, const struct field *field,
                       const struct element *element)
{
    size_t count = 0;

    ELEMENT_FOREACH (value, element) {
        if (!element_is(value, NS_DATA, "value"))
            continue;
        if (++count > 1 && !field->many)
            return STANZA_BAD_REQUEST;
        int problem = field->read(reading, element_text(value));
        if (problem >= 0)
            return problem;
    }
    return -1;
}

/* §4.1.5: what is not known is not left out in silence. */
static int read_form(struct reading *reading, const struct element *form)
{
    bool typed = false;

    ELEMENT_FOREACH (element, form) {
        const char *name = element_get(element, "var");
        const struct field *field = find_field(name);
        if (!element_is(element, NS_DATA, "field"))
            continue;
        if (!field)
            return STANZA_FEATURE_NOT_IMPLEMENTED;
        int problem = read_values(reading, field, element);
        if (problem >= 0)
            return problem;
        typed = typed || field == &fields[0];
    }
    return typed ? -1 : STANZA_BAD_REQUEST;
}

/* The ids of pages are those of messages (§4.3.1). */
static int read_page(struct reading *reading, const struct element *payload)
{
    struct archive_query *query = reading->query;
    struct rsm rsm;
    int problem = rsm_read(payload, &rsm);

    if (problem >= 0)
        return problem;
    query->max = rsm.has_max ? MIN(rsm.max, ARCHIVE_PAGE_MAX) : ARCHIVE_PAGE_MAX;
    query->backward = rsm.before != NULL;
    if (rsm.after)
        problem = read_after(reading, rsm.after);
    if (problem < 0 && rsm.before && *rsm.before)
        problem = read_before(reading, rsm.before);
    return problem;
}

int archive_query_read(struct arena *arena, const struct element *payload,
                       const struct archive_ids *ids, struct archive_query *query)
{
    const struct element *form = element_find(payload, NS_DATA, "x");
    struct reading reading = {arena, ids, query, 0};
    int problem = -1;

    *query = (struct archive_query){.below = INT64_MAX};
    query->id = element_get(payload, "queryid");
    query->flipped = element_find(payload, NS_MAM, "flip-page") != NULL;
    if (element_get(payload, "node")) /* there are none (XEP-0442) */
        return STANZA_ITEM_NOT_FOUND;
    if (form)
        problem = read_form(&reading, form);
    return problem >= 0 ? problem : read_page(&reading, payload);
}

void archive_query_fini(struct archive_query *query)
{
    buffer_fini(&query->ids);
    buffer_fini(&query->known);
}

void archive_query_add_form(struct element *parent)
{
    struct element *form = element_add(parent, NS_DATA, "x");

    element_set(form, "type", "form");
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        struct element *field = element_add(form, NS_DATA, "field");
        element_set(field, "type", fields[i].type);
        element_set(field, "var", fields[i].name);
        if (i == 0)
            element_add_with_text(field, NS_DATA, "value", NS_MAM);
        if (fields[i].many) { /* any, not only those of a list */
            struct element *validate = element_add(field, NS_VALIDATE, "validate");
            element_set(validate, "datatype", "xs:string");
            element_add(validate, NS_VALIDATE, "open");
        }
    }
}
