/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The resolver's memory: a hash table whose order is that of use.
 */
#include "c2s/directory/cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/table.h"

struct cached {
    UT_hash_handle hh;
    char *home; /* NULL: nobody */
    uint64_t until_ms;
    char bare[];
};

struct cache {
    struct cached *names; /* the one not asked for the longest is first */
    size_t size;
};

struct cache *cache_new(size_t size)
{
    struct cache *cache = xcalloc(1, sizeof(*cache));

    cache->size = size;
    return cache;
}

static void drop(struct cache *cache, struct cached *cached)
{
    HASH_DEL(cache->names, cached);
    free(cached->home);
    free(cached);
}

void cache_clear(struct cache *cache)
{
    struct cached *cached, *next;

    HASH_ITER (hh, cache->names, cached, next) {
        drop(cache, cached);
    }
}

void cache_free(struct cache *cache)
{
    cache_clear(cache);
    free(cache);
}

static struct cached *find(const struct cache *cache, const char *bare)
{
    struct cached *cached;

    HASH_FIND_STR(cache->names, bare, cached);
    return cached;
}

void cache_remove(struct cache *cache, const char *bare)
{
    struct cached *cached = find(cache, bare);

    if (cached)
        drop(cache, cached);
}

void cache_put(struct cache *cache, const char *bare, const char *home, uint64_t until_ms)
{
    size_t size = strlen(bare) + 1;

    cache_remove(cache, bare);
    if (HASH_COUNT(cache->names) >= cache->size)
        drop(cache, cache->names);
    struct cached *cached = xcalloc(1, sizeof(*cached) + size);
    memcpy(cached->bare, bare, size);
    cached->home = xstrdup_or_null(home);
    cached->until_ms = until_ms;
    HASH_ADD_STR(cache->names, bare, cached);
}

bool cache_get(struct cache *cache, const char *bare, uint64_t now_ms, const char **home)
{
    struct cached *cached = find(cache, bare);

    if (cached == NULL)
        return false;
    if (now_ms >= cached->until_ms) {
        drop(cache, cached);
        return false;
    }
    HASH_DEL(cache->names, cached);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, cache->names, cached->bare, strlen(bare), cached->hh.hashv,
                                cached);
    *home = cached->home;
    return true;
}

size_t cache_count(const struct cache *cache)
{
    return HASH_COUNT(cache->names);
}
