/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A growing byte buffer.
 */
#include "common/base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

#define CAPACITY_MIN 256

void buffer_fini(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    if (buffer->data) {
        buffer->data[0] = '\0';
    }
}

char *buffer_reserve(struct buffer *buffer, size_t more)
{
    if (more >= SIZE_MAX / 2 - buffer->length) {
        abort();
    }
    size_t needed = buffer->length + more + 1;
    if (needed > buffer->capacity) {
        buffer->capacity = MAX(MAX(needed, 2 * buffer->capacity), CAPACITY_MIN);
        buffer->data = xrealloc(buffer->data, buffer->capacity);
        buffer->data[buffer->length] = '\0';
    }
    return buffer->data + buffer->length;
}

void buffer_added(struct buffer *buffer, size_t length)
{
    if (length >= buffer->capacity - buffer->length) {
        abort(); /* more than was reserved: memory is overwritten already */
    }
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void buffer_append_growing(struct buffer *buffer, const void *bytes, size_t length)
{
    char *end = buffer_reserve(buffer, length);

    if (length > 0) {
        memcpy(end, bytes, length);
    }
    buffer_added(buffer, length);
}

void buffer_append_number(struct buffer *buffer, uint64_t number)
{
    char digits[20]; /* of UINT64_MAX */
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_append(buffer, digits + at, sizeof(digits) - at);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        abort();
    }
    vsnprintf(buffer_reserve(buffer, (size_t)length), (size_t)length + 1, format, again);
    va_end(again);
    buffer_added(buffer, (size_t)length);
}

void buffer_consume(struct buffer *buffer, size_t length)
{
    if (length > buffer->length) {
        abort();
    }
    if (length == 0) {
        return;
    }
    buffer->length -= length;
    /* With the NUL. */
    memmove(buffer->data, buffer->data + length, buffer->length + 1);
}

char *buffer_take(struct buffer *buffer)
{
    char *data = buffer->data ? buffer->data : xstrdup("");

    *buffer = (struct buffer){0};
    return data;
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->data) {
        explicit_bzero(buffer->data, buffer->capacity);
    }
    buffer_fini(buffer);
}
