/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Batches: what can be read has no more items and no longer ids than may be, and is written as
 * batches that are read as the same words.
 */
#include <string.h>

#include "common/base/memory.h"
#include "common/component/batch.h"
#include "common/xmpp/stored.h"
#include "tests/fuzz/fuzz.h"

static void check_same(const char *a, const char *b)
{
    MUST((a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0));
}

static void check_word(const struct durable *a, const struct durable *b)
{
    check_same(a->id, b->id);
    check_same(a->after, b->after);
    check_same(a->from.full, b->from.full);
    check_same(a->to.full, b->to.full);
    MUST(a->kind == b->kind && a->attempt == b->attempt);
}

static void check_items(const struct batch *batch)
{
    MUST(batch->count > 0 && batch->count <= BATCH_MAX);
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];

        MUST(item->id && *item->id && strlen(item->id) <= DURABLE_ID_MAX);
        MUST(!item->after || strlen(item->after) <= DURABLE_ID_MAX);
    }
}

/* Some of the items; returns how many. */
static size_t check_written(struct parser_pool *pool, const struct batch *batch)
{
    struct buffer text = {0};
    struct batch again;
    size_t written = batch_write(&text, batch);
    struct element *element = stored_element(pool, text.data);

    MUST(element && batch_read(element, &again) == 0 && again.count == written);
    for (size_t i = 0; i < written; i++) {
        const struct durable before = batch_word(batch, i), after = batch_word(&again, i);

        check_word(&before, &after);
    }
    arena_free(element->arena);
    buffer_fini(&text);
    return written;
}

static void check(struct parser_pool *pool, const struct batch *batch)
{
    check_items(batch);
    for (size_t done = 0; done < batch->count;) {
        const struct batch rest = batch_from(batch, done);

        done += check_written(pool, &rest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct parser_pool *pool = parser_pool_new();
    char *text = xcalloc(1, length + 1);
    struct element *element;
    struct batch batch;

    memcpy(text, bytes, length);
    element = stored_element(pool, text);
    if (element) {
        if (batch_read(element, &batch) == 0)
            check(pool, &batch);
        arena_free(element->arena);
    }
    free(text);
    parser_pool_free(pool);
    return 0;
}
