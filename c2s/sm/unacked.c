/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The queue of unacknowledged stanzas.
 */
#include "c2s/sm/unacked.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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
    if (stanza->error) {
        unacked->errors--;
        unacked->error_bytes -= stanza->size;
    }
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

static bool has_room_for_error(const struct unacked *unacked, size_t size)
{
    return unacked->errors < UNACKED_ERRORS && unacked->error_bytes + size <= UNACKED_ERROR_BYTES;
}

bool unacked_add_error(struct unacked *unacked, char *text, size_t size, int64_t now_us)
{
    bool room = has_room_for_error(unacked, size);

    if (!unacked_add(unacked, text, size, 0, now_us) || !room)
        return false;
    unacked->last->error = true;
    unacked->errors++;
    unacked->error_bytes += unacked->last->size;
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

/* Each is a line and the text: the number, or - if the client cannot have it; when it was sent; how
 * many bytes follow. */
static void write_error(const struct unacked *unacked, const struct unacked_stanza *stanza,
                        uint32_t number, struct buffer *column)
{
    if (unacked->unnumbered && !stanza->old)
        buffer_append_char(column, '-');
    else
        buffer_printf(column, "%" PRIu32, stanza->old ? stanza->was : number);
    buffer_printf(column, " %" PRId64 " %zu\n%s", stanza->sent_us, strlen(stanza->text),
                  stanza->text);
}

void unacked_write_errors(const struct unacked *unacked, struct buffer *column)
{
    const struct unacked_stanza *stanza = unacked->errors > 0 ? unacked->first : NULL;
    uint32_t number = unacked->acknowledged + unacked->gap + 1;

    for (; stanza; number += stanza->gap + 1, stanza = stanza->next) {
        if (stanza->error)
            write_error(unacked, stanza, number, column);
    }
}

/* Returns what is behind it; NULL: it is none. */
static const char *read_error(struct unacked *unacked, const char *column)
{
    bool old = *column != '-';
    char *end = (char *)column + 1;
    uint32_t was = old ? (uint32_t)strtoul(column, &end, 10) : 0;
    int64_t sent_us = strtoll(end, &end, 10);
    size_t length = strtoul(end, &end, 10);

    if (*end != '\n' || length > strlen(end + 1))
        return NULL;
    if (unacked_add_error(unacked, xstrndup(end + 1, length), length, sent_us)) {
        unacked->last->old = old;
        unacked->last->was = was;
    }
    return end + 1 + length;
}

void unacked_read_errors(struct unacked *unacked, const char *column)
{
    unacked->unnumbered = true;
    while (column && *column)
        column = read_error(unacked, column);
}

void unacked_restart(struct unacked *unacked, uint32_t h)
{
    while (unacked->first && unacked->first->old && h - unacked->first->was <= INT32_MAX) {
        unacked->count--;
        drop_first(unacked);
    }
    for (struct unacked_stanza *stanza = unacked->first; stanza; stanza = stanza->next)
        stanza->old = false;
    unacked->acknowledged = h;
    unacked->unnumbered = false;
}
