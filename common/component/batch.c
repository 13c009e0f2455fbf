/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading and writing batches. Ids of one stanza begin alike, so the beginning is written once. The
 * items are lines of text, not elements: a fifth of the work for whoever reads them.
 */
#include "common/component/batch.h"

#include <string.h>

#include "common/base/error.h"
#include "common/base/utf8.h"
#include "common/component/durable_internal.h"
#include "common/xmpp/namespaces.h"

static const char *const NAMES[DURABLE_KINDS] = {
    [DURABLE_OFFER] = "offers",
    [DURABLE_TOOK] = "tooks",
    [DURABLE_FORGET] = "forgets",
};

/* --- reading --- */

static int read_kind(const struct element *element, enum durable_kind *kind)
{
    for (int i = 0; i < DURABLE_KINDS; i++) {
        if (NAMES[i] && element_is(element, NS_DURABLE, NAMES[i])) {
            *kind = (enum durable_kind)i;
            return 0;
        }
    }
    return ERR_UNSUPPORTED;
}

/* What all ids begin with, and all that they come behind. */
struct beginnings {
    const char *id, *after;
};

static int read_beginnings(const struct element *element, struct beginnings *beginnings)
{
    const char *id = element_get(element, "ids"), *after = element_get(element, "afters");

    *beginnings = (struct beginnings){id ? id : "", after ? after : ""};
    return durable_is_line(beginnings->id) && durable_is_line(beginnings->after) ? 0
                                                                                 : ERR_MALFORMED;
}

/* *id NULL: it is not there. A beginning is written once and copied for each: it is measured first.
 */
static int read_id(struct arena *arena, const char *beginning, const char *rest, const char **id)
{
    size_t length = rest ? strlen(beginning) + strlen(rest) : 0;

    *id = NULL;
    if (!rest)
        return 0;
    if (length == 0 || length > DURABLE_ID_MAX)
        return ERR_MALFORMED;
    *id = arena_join(arena, beginning, rest);
    return 0;
}

/* Of took without an address: that of all. */
static int read_address(struct arena *arena, const struct batch *batch, const char *text,
                        struct jid *jid)
{
    if (text && *text)
        return jid_parse(arena, text, jid);
    *jid = batch->from;
    return batch->kind == DURABLE_TOOK ? 0 : ERR_MALFORMED;
}

/* The line is cut in pieces. */
static int read_item(struct arena *arena, const struct batch *batch,
                     const struct beginnings *beginnings, char *line, struct batch_item *item)
{
    const char *id = strsep(&line, "\t"), *jid = strsep(&line, "\t");
    const char *attempt = strsep(&line, "\t"), *after = strsep(&line, "\t");

    if (batch->kind != DURABLE_OFFER) /* nothing else has these (docs/ROUTER.md) */
        attempt = after = NULL;
    item->attempt = MAX(durable_number(attempt), 1U);
    if (read_id(arena, beginnings->id, id, &item->id) < 0 || !item->id ||
        read_id(arena, beginnings->after, after, &item->after) < 0)
        return ERR_MALFORMED;
    return read_address(arena, batch, jid, &item->jid);
}

static size_t count_lines(const char *text)
{
    size_t count = 1;

    while ((text = strchr(text, '\n')) != NULL) {
        text++;
        count++;
    }
    return count;
}

static int read_items(const struct element *element, struct batch *batch)
{
    const char *list = element_child_text(element, NS_DURABLE, "to");
    size_t count = list ? count_lines(list) : 0;
    struct arena *arena = element->arena;
    struct beginnings beginnings;
    struct batch_item *items;
    char *text, *line;

    if (count == 0 || count > BATCH_MAX || read_beginnings(element, &beginnings) < 0)
        return ERR_MALFORMED;
    text = arena_strdup(arena, list);
    items = arena_zalloc(arena, count * sizeof(*items));
    batch->items = items;
    while ((line = strsep(&text, "\n")) != NULL) {
        if (read_item(arena, batch, &beginnings, line, &items[batch->count++]) < 0)
            return ERR_MALFORMED;
    }
    return 0;
}

/* Whoever gets it looks closer. */
static int read_stanza(struct element *element, struct batch *batch)
{
    struct element *stanza = element_first(element);
    if (!stanza || strcmp(stanza->ns, NS_CLIENT) != 0 ||
        (strcmp(stanza->name, "message") != 0 && strcmp(stanza->name, "presence") != 0))
        return ERR_MALFORMED;
    batch->stanza = stanza;
    batch->whole = element_get(element, "whole");
    return durable_read_address(stanza, "from", &batch->from);
}

int batch_read(struct element *element, struct batch *batch)
{
    int error;

    *batch = (struct batch){0};
    error = read_kind(element, &batch->kind);
    if (error)
        return error;
    error = batch->kind == DURABLE_OFFER ? read_stanza(element, batch)
                                         : durable_read_address(element, "from", &batch->from);
    if (!error && batch->kind == DURABLE_TOOK)
        error = durable_read_address(element, "to", &batch->to);
    return error ? error : read_items(element, batch);
}

/* --- writing --- */

static size_t common_length(const char *a, const char *b, size_t length)
{
    size_t i = 0;

    if (strncmp(a, b, length) == 0)
        return length;
    while (a[i] && a[i] == b[i])
        i++;
    return utf8_cut(a, i);
}

/* How far they begin alike; 0: not. */
static size_t beginning_of(const struct batch *batch,
                           const char *(*text)(const struct batch_item *))
{
    const char *first = NULL;
    size_t length = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const char *other = text(&batch->items[i]);
        if (!other)
            continue;
        length = first ? common_length(first, other, length) : strlen(other);
        first = other;
    }
    return length;
}

static const char *id_of(const struct batch_item *item)
{
    return item->id;
}

static const char *after_of(const struct batch_item *item)
{
    return item->after;
}

static void append_beginning(struct buffer *out, const struct batch *batch, const char *name,
                             const char *(*text)(const struct batch_item *), size_t length)
{
    const char *whole = NULL;
    struct buffer part = {0};

    for (size_t i = 0; i < batch->count && !whole; i++)
        whole = text(&batch->items[i]);
    if (length == 0 || !whole)
        return;
    buffer_append(&part, whole, length);
    durable_write_attribute(out, name, part.data);
    buffer_fini(&part);
}

/* What is missing at the end of the line is left out. */
static void write_item(struct buffer *out, const struct batch *batch, const struct batch_item *item,
                       size_t id_length, size_t after_length)
{
    bool named = batch->kind != DURABLE_TOOK || strcmp(item->jid.full, batch->from.full) != 0;
    bool offer = batch->kind == DURABLE_OFFER, again = offer && item->attempt > 1;

    xml_escape(out, item->id + id_length);
    if (named) {
        buffer_append_char(out, '\t');
        xml_escape(out, item->jid.full);
    }
    if (again || (offer && item->after))
        buffer_append_char(out, '\t');
    if (again)
        buffer_append_number(out, item->attempt);
    if (offer && item->after) {
        buffer_append_char(out, '\t');
        xml_escape(out, item->after + after_length);
    }
}

static void write_start(struct buffer *out, const struct batch *batch, size_t id_length,
                        size_t after_length)
{
    buffer_append_char(out, '<');
    buffer_append_text(out, NAMES[batch->kind]);
    buffer_append_text(out, " xmlns='" NS_DURABLE "'");
    if (batch->whole)
        durable_write_attribute(out, "whole", "true");
    if (batch->kind != DURABLE_OFFER)
        durable_write_attribute(out, "from", batch->from.full);
    if (batch->kind == DURABLE_TOOK)
        durable_write_attribute(out, "to", batch->to.full);
    append_beginning(out, batch, "ids", id_of, id_length);
    if (batch->kind == DURABLE_OFFER)
        append_beginning(out, batch, "afters", after_of, after_length);
    buffer_append_char(out, '>');
    if (batch->kind == DURABLE_OFFER)
        element_write(out, batch->stanza, NS_DURABLE);
    buffer_append_text(out, "<to>");
}

size_t batch_write(struct buffer *out, const struct batch *batch)
{
    size_t id_length = beginning_of(batch, id_of), after_length = beginning_of(batch, after_of);
    size_t written = 0, start;

    write_start(out, batch, id_length, after_length);
    start = out->length;
    while (written < batch->count && written < BATCH_MAX) {
        size_t before = out->length;
        if (written > 0)
            buffer_append_char(out, '\n');
        write_item(out, batch, &batch->items[written], id_length, after_length);
        if (written > 0 && out->length - start > BATCH_BYTES) {
            out->length = before;
            break;
        }
        written++;
    }
    buffer_append_text(out, "</to></");
    buffer_append_text(out, NAMES[batch->kind]);
    buffer_append_char(out, '>');
    return written;
}

struct batch batch_from(const struct batch *batch, size_t item)
{
    struct batch rest = *batch;

    rest.items += item;
    rest.count -= item;
    return rest;
}

/* --- one by one --- */

struct durable batch_word(const struct batch *batch, size_t item)
{
    const struct batch_item *of = &batch->items[item];

    return (struct durable){
        .kind = batch->kind,
        .id = of->id,
        .attempt = of->attempt,
        .after = of->after,
        .from = batch->kind == DURABLE_TOOK ? of->jid : batch->from,
        .to = batch->kind == DURABLE_TOOK ? batch->to : of->jid,
    };
}

int batch_copy_stanza(const struct batch *batch, size_t item, struct stanza **stanza, int *problem)
{
    struct element *root = element_copy(arena_new(), batch->stanza);

    element_set(root, "to", arena_strdup(root->arena, batch->items[item].jid.full));
    return stanza_from_element_take(root, NS_CLIENT, stanza, problem);
}

struct batch_item batch_copy_item(struct arena *arena, const struct batch_item *item)
{
    return (struct batch_item){
        .jid = jid_copy(arena, &item->jid),
        .id = arena_strdup(arena, item->id),
        .attempt = item->attempt,
        .after = item->after ? arena_strdup(arena, item->after) : NULL,
    };
}
