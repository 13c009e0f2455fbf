/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Allocation that never fails.
 */
#include "common/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (!memory) {
        fputs("error event=out_of_memory\n", stderr);
        abort();
    }
    return memory;
}

/* A size of 0 may give NULL, which would look like exhaustion. */
void *xmalloc(size_t size)
{
    return checked(malloc(MAX(size, 1)));
}

/* What glibc's malloc() has at hand for its thread (malloc(3), M_MMAP_THRESHOLD is far above);
 * its calloc() does not look there (before 2.41) and costs five times as much. */
#define CACHED_SIZE 1024

void *xcalloc(size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total) || total > CACHED_SIZE)
        return checked(calloc(MAX(count, 1), MAX(size, 1)));
    return memset(xmalloc(total), 0, total);
}

void *xrealloc(void *old, size_t size)
{
    return checked(realloc(old, MAX(size, 1)));
}

char *xstrdup(const char *text)
{
    return checked(strdup(text));
}

char *xstrdup_or_null(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

char *xstrndup(const char *text, size_t length)
{
    return checked(strndup(text, length));
}

char *xvasprintf(const char *format, va_list args)
{
    char *text = NULL;
    int length = vasprintf(&text, format, args);

    return checked(length < 0 ? NULL : text);
}

char *xjoin(const char *first, const char *between, const char *second)
{
    size_t start = strlen(first), middle = strlen(between), size = strlen(second) + 1;
    char *text = xmalloc(start + middle + size);

    memcpy(text, first, start);
    memcpy(text + start, between, middle);
    memcpy(text + start + middle, second, size);
    return text;
}

char *xasprintf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = xvasprintf(format, args);
    va_end(args);
    return text;
}
