/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A growing byte buffer. `data` holds `length` bytes and always a NUL behind them once something
 * was appended (so text can be read as a C string); NULL while nothing was ever appended.
 * Zero-initialised is a valid empty buffer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/macros.h"

struct buffer {
    char *data;
    size_t length;
    size_t capacity;
};

/* Releases the memory and makes it an empty buffer again. */
void buffer_fini(struct buffer *buffer);
/* Empties it and keeps the memory. */
void buffer_clear(struct buffer *buffer);
/* Room for `more` further bytes; returns where they go. Follow with buffer_added(). */
char *buffer_reserve(struct buffer *buffer, size_t more);
void buffer_added(struct buffer *buffer, size_t length);
/* buffer_append() where there is no room. */
void buffer_append_growing(struct buffer *buffer, const void *bytes, size_t length);
/* Inline: a literal, whose length is known, costs a few instructions. */
static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length >= buffer->capacity - buffer->length || length == 0) {
        buffer_append_growing(buffer, bytes, length);
        return;
    }
    memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}
static inline void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}
static inline void buffer_append_char(struct buffer *buffer, char c)
{
    buffer_append(buffer, &c, 1);
}
/* In decimal; a tenth of what buffer_printf() takes. */
void buffer_append_number(struct buffer *buffer, uint64_t number);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
/* Removes bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t length);
/* Gives the bytes (NUL-terminated, free() them) to the caller and empties the buffer; never NULL.
 */
char *buffer_take(struct buffer *buffer);
/* Overwrites the content before releasing it: for secrets. */
void buffer_wipe(struct buffer *buffer);
