/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Reading and writing batches. Ids of one stanza begin alike, so the beginning is written once, and
 * of what an item comes behind only where that begins otherwise.
 */
#include "common/component/batch.h"

#include <string.h>

#include "common/base/error.h"
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

/* NULL: too long, or not there. */
static const char *read_id(const struct element *element, const char *name, const char *beginning)
{
    const char *rest = element_get(element, name);
    const char *id = rest ? arena_printf(element->arena, "%s%s", beginning, rest) : NULL;
    return id && *id && strlen(id) <= DURABLE_ID_MAX ? id : NULL;
}

struct beginnings {
    const char *id, *after;
};

/* Of took without an address: that of all. */
static int read_item(const struct element *element, const struct batch *batch,
                     const struct beginnings *beginnings, struct batch_item *item)
{
    unsigned attempt = durable_read_number(element, "attempt");

    *item = (struct batch_item){.attempt = MAX(attempt, 1U)};
    item->id = read_id(element, "id", beginnings->id);
    item->after = read_id(element, "after", beginnings->after);
    if (batch->kind == DURABLE_TOOK && !element_get(element, "jid"))
        item->jid = batch->from;
    else if (durable_read_address(element, "jid", &item->jid) < 0)
        return ERR_MALFORMED;
    return item->id ? 0 : ERR_MALFORMED;
}

/* No more than there is room for. */
static size_t count_items(const struct element *element)
{
    size_t count = 0;

    ELEMENT_FOREACH (child, element)
        count += element_is(child, NS_DURABLE, "to");
    return MIN(count, BATCH_MAX);
}

static int read_items(const struct element *element, struct batch *batch)
{
    size_t room = count_items(element);
    const char *id = element_get(element, "ids"), *after = element_get(element, "afters");
    const struct beginnings beginnings = {id ? id : "", after ? after : ""};
    struct batch_item *items = arena_zalloc(element->arena, (room + 1) * sizeof(*items));

    ELEMENT_FOREACH (child, element) {
        if (!element_is(child, NS_DURABLE, "to"))
            continue;
        if (batch->count == room || read_item(child, batch, &beginnings, &items[batch->count]) < 0)
            return ERR_MALFORMED;
        batch->count++;
    }
    batch->items = items;
    return batch->count > 0 ? 0 : ERR_MALFORMED;
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
    while (i < length && a[i] && a[i] == b[i])
        i++;
    /* no character is cut in two */
    while (i > 0 && i < length && ((unsigned char)a[i] & 0xc0) == 0x80)
        i--;
    return i;
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

static void write_item(struct buffer *out, const struct batch *batch, const struct batch_item *item,
                       size_t id_length, size_t after_length)
{
    buffer_append_text(out, "<to");
    if (batch->kind != DURABLE_TOOK || strcmp(item->jid.full, batch->from.full) != 0)
        durable_write_attribute(out, "jid", item->jid.full);
    durable_write_attribute(out, "id", item->id + id_length);
    if (batch->kind == DURABLE_OFFER && item->attempt > 1)
        buffer_printf(out, " attempt='%u'", item->attempt);
    if (batch->kind == DURABLE_OFFER && item->after)
        durable_write_attribute(out, "after", item->after + after_length);
    buffer_append_text(out, "/>");
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
}

size_t batch_write(struct buffer *out, const struct batch *batch)
{
    size_t id_length = beginning_of(batch, id_of), after_length = beginning_of(batch, after_of);
    size_t written = 0, start;

    write_start(out, batch, id_length, after_length);
    start = out->length;
    while (written < batch->count && written < BATCH_MAX) {
        size_t before = out->length;
        write_item(out, batch, &batch->items[written], id_length, after_length);
        if (written > 0 && out->length - start > BATCH_BYTES) {
            out->length = before;
            break;
        }
        written++;
    }
    buffer_append_text(out, "</");
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
        .jid = durable_copy_jid(arena, &item->jid),
        .id = arena_strdup(arena, item->id),
        .attempt = item->attempt,
        .after = item->after ? arena_strdup(arena, item->after) : NULL,
    };
}
