/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What the resolver remembers: bare JID → home, or that nobody has the name. Bounded: the name that
 * was asked for the longest time ago goes first. Entries end by themselves, because another worker
 * of the node may know better.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

struct cache *cache_new(size_t size);
void cache_free(struct cache *cache);
/* home NULL: nobody. Replaces what was there. */
void cache_put(struct cache *cache, const char *bare, const char *home, uint64_t until_ms);
/* False: not known. *home lives until the next call of cache_put(), cache_remove(), cache_clear().
 */
bool cache_get(struct cache *cache, const char *bare, uint64_t now_ms, const char **home);
void cache_remove(struct cache *cache, const char *bare);
void cache_clear(struct cache *cache);
size_t cache_count(const struct cache *cache);
