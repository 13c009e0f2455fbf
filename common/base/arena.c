/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An arena is a list of blocks, each allocated together with its header; the first one is part of
 * the arena's own allocation, so that a usual stanza costs one malloc().
 */
#include "common/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

/* With headers: what malloc() serves without waste. */
#define FIRST_SIZE 1024
#define BLOCK_MAX  65536

/* Under AddressSanitizer each allocation is a block of its own, so that it sees overruns. */
#if defined(__SANITIZE_ADDRESS__)
static const bool separate = true;
#else
static const bool separate = false;
#endif

struct block {
    struct block *next;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *blocks;
    char *free; /* the rest of the block in use */
    size_t left;
    size_t size;      /* bytes from the heap */
    size_t next_size; /* of the next block, with its header */
    unsigned references;
    struct arena *kept; /* one of these references; NULL: none */
    alignas(max_align_t) char bytes[];
};

struct arena *arena_new(void)
{
    size_t size = separate ? sizeof(struct arena) : FIRST_SIZE;
    struct arena *arena = xmalloc(size);

    *arena = (struct arena){.free = arena->bytes,
                            .left = size - sizeof(*arena),
                            .size = size,
                            .next_size = 2 * FIRST_SIZE,
                            .references = 1};
    return arena;
}

struct arena *arena_ref(struct arena *arena)
{
    arena->references++;
    return arena;
}

void arena_keep(struct arena *arena, struct arena *kept)
{
    if (arena->kept) {
        abort();
    }
    arena->kept = arena_ref(kept);
}

static void release(struct arena *arena)
{
    struct block *next;

    for (struct block *block = arena->blocks; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

void arena_free(struct arena *arena)
{
    while (arena && --arena->references == 0) {
        struct arena *kept = arena->kept;
        release(arena);
        arena = kept;
    }
}

static struct block *add_block(struct arena *arena, size_t size)
{
    struct block *block = xmalloc(size);

    block->next = arena->blocks;
    arena->blocks = block;
    arena->size += size;
    return block;
}

/* Something big gets a block of its own and leaves the rest of the current one in use. */
static void *alloc_from_new_block(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block)) {
        abort();
    }
    if (separate || size > arena->next_size / 4) {
        return add_block(arena, sizeof(struct block) + size)->bytes;
    }
    struct block *block = add_block(arena, arena->next_size);
    arena->free = block->bytes + size;
    arena->left = arena->next_size - sizeof(*block) - size;
    arena->next_size = MIN(2 * arena->next_size, BLOCK_MAX);
    return block->bytes;
}

static inline void *alloc_aligned(struct arena *arena, size_t size, size_t alignment)
{
    size_t gap = -(uintptr_t)arena->free & (alignment - 1);

    if (separate || gap > arena->left || size > arena->left - gap) {
        return alloc_from_new_block(arena, size);
    }
    char *memory = arena->free + gap;
    arena->free = memory + size;
    arena->left -= gap + size;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return alloc_aligned(arena, MAX(size, 1), alignof(max_align_t));
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

char *arena_strdup(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(alloc_aligned(arena, size, 1), text, size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = alloc_aligned(arena, length + 1, 1);

    if (length > 0) {
        memcpy(copy, text, length);
    }
    copy[length] = '\0';
    return copy;
}

char *arena_join(struct arena *arena, const char *first, const char *second)
{
    size_t length = strlen(first), size = strlen(second) + 1;
    char *text = alloc_aligned(arena, length + size, 1);

    memcpy(text, first, length);
    memcpy(text + length, second, size);
    return text;
}

#define DECIMAL_SIZE sizeof("-9223372036854775808")

const char *arena_decimal(struct arena *arena, int64_t number)
{
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    char *text = alloc_aligned(arena, DECIMAL_SIZE, 1);
    char *at = text + DECIMAL_SIZE - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--at = '-';
    }
    return at;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        abort();
    }
    char *text = alloc_aligned(arena, (size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

size_t arena_size(const struct arena *arena)
{
    return arena->size;
}
