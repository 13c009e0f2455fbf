/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The queue of unacknowledged stanzas.
 */
#include "c2s/sm/unacked.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/stream/ack.h"

void unacked_init(struct unacked *unacked, size_t limit_count, size_t limit_bytes)
{
    *unacked = (struct unacked){.limit_count = limit_count, .limit_bytes = limit_bytes};
}

static void drop_first(struct unacked *unacked)
{
    struct unacked_stanza *stanza = unacked->first;

    unacked->first = stanza->next;
    unacked->gap = stanza->gap;
    if (!unacked->first)
        unacked->last = NULL;
    unacked->bytes -= stanza->size;
    free(stanza->text);
    free(stanza);
}

void unacked_fini(struct unacked *unacked)
{
    while (unacked->first)
        drop_first(unacked);
}

uint32_t unacked_sent(const struct unacked *unacked)
{
    return unacked->acknowledged + unacked->count;
}

/* Its number is counted, behind the last text. */
static void forget(struct unacked *unacked)
{
    unacked->forgotten++;
    if (unacked->last)
        unacked->last->gap++;
    else
        unacked->gap++;
}

static bool is_beyond(const struct unacked *unacked, size_t times)
{
    return unacked->count >= times * unacked->limit_count ||
           unacked->bytes >= times * unacked->limit_bytes;
}

bool unacked_is_full(const struct unacked *unacked)
{
    return is_beyond(unacked, 1);
}

bool unacked_add(struct unacked *unacked, char *text, size_t size, int64_t seq, int64_t now_us)
{
    struct unacked_stanza *stanza;
    bool too_many = seq == 0 && is_beyond(unacked, UNACKED_FORGET);

    unacked->count++;
    if (too_many) {
        forget(unacked);
        free(text);
        return false;
    }
    stanza = xcalloc(1, sizeof(*stanza));
    *stanza = (struct unacked_stanza){
        .seq = seq, .sent_us = now_us, .size = size + sizeof(*stanza), .text = text};
    unacked->bytes += stanza->size;
    if (unacked->last)
        unacked->last->next = stanza;
    else
        unacked->first = stanza;
    unacked->last = stanza;
    return true;
}

/* Of the next `count` as many as were forgotten there; returns how many. */
static uint32_t pass_gap(struct unacked *unacked, uint32_t count)
{
    uint32_t passed = MIN(count, unacked->gap);

    unacked->gap -= passed;
    unacked->forgotten -= passed;
    return passed;
}

int unacked_acknowledge(struct unacked *unacked, uint32_t h,
                        void (*each)(void *user, const struct unacked_stanza *stanza), void *user)
{
    uint32_t count;
    int error = ack_progress(h, unacked->acknowledged, unacked->count, &count);

    if (error)
        return error;
    unacked->acknowledged = h;
    unacked->count -= count;
    while ((count -= pass_gap(unacked, count)) > 0) {
        each(user, unacked->first);
        drop_first(unacked);
        count--;
    }
    return 0;
}

bool unacked_resume(struct unacked *unacked)
{
    bool lossy = unacked->forgotten > 0;

    unacked->count -= unacked->forgotten;
    unacked->forgotten = unacked->gap = 0;
    for (struct unacked_stanza *stanza = unacked->first; stanza; stanza = stanza->next)
        stanza->gap = 0;
    return lossy;
}
