/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * An arena: many small allocations that are released together. One stanza lives in one arena.
 * Memory is zeroed where said so, aligned for any type, and stays where it is until arena_free().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

struct arena;

struct arena *arena_new(void);
/* NULL is allowed. What others keep stays as long as they do. */
void arena_free(struct arena *arena);
/* Another owner, which frees it too. */
struct arena *arena_ref(struct arena *arena);
/* From now on what is in `arena` may point into `kept`, which lives as long. Once for an arena. */
void arena_keep(struct arena *arena, struct arena *kept);

void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
/* Copies length bytes and adds a NUL. */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
/* Both, one behind the other. */
char *arena_join(struct arena *arena, const char *first, const char *second);
const char *arena_decimal(struct arena *arena, int64_t number);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
/* Bytes taken from the heap, for limits and accounting. */
size_t arena_size(const struct arena *arena);
