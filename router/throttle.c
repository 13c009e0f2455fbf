/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Wrong handshakes, counted by address and component.
 */
#include "router/throttle.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/table.h"

struct entry {
    char *key;
    unsigned failures;
    uint64_t last_ms;
    UT_hash_handle hh;
};

struct throttle {
    struct entry *table;
};

struct throttle *throttle_new(void)
{
    return xcalloc(1, sizeof(struct throttle));
}

static void drop(struct throttle *throttle, struct entry *entry)
{
    HASH_DEL(throttle->table, entry);
    free(entry->key);
    free(entry);
}

void throttle_free(struct throttle *throttle)
{
    struct entry *entry, *next;
    HASH_ITER (hh, throttle->table, entry, next) {
        drop(throttle, entry);
    }
    free(throttle);
}

/* What has rested long enough is as good as new. */
static struct entry *find(struct throttle *throttle, const char *address, const char *name)
{
    char *key = xasprintf("%s %s", address, name);
    struct entry *entry;
    HASH_FIND_STR(throttle->table, key, entry);
    free(key);
    if (entry && clock_monotonic_ms() - entry->last_ms >= THROTTLE_REST_MS) {
        drop(throttle, entry);
        entry = NULL;
    }
    return entry;
}

static struct entry *add(struct throttle *throttle, const char *address, const char *name)
{
    struct entry *entry = xcalloc(1, sizeof(*entry));
    if (HASH_COUNT(throttle->table) >= THROTTLE_MAX)
        drop(throttle, throttle->table);
    entry->key = xasprintf("%s %s", address, name);
    HASH_ADD_KEYPTR(hh, throttle->table, entry->key, strlen(entry->key), entry);
    return entry;
}

bool throttle_is_blocked(struct throttle *throttle, const char *address, const char *name)
{
    const struct entry *entry = find(throttle, address, name);
    return entry && entry->failures >= THROTTLE_TRIES;
}

void throttle_failed(struct throttle *throttle, const char *address, const char *name)
{
    struct entry *entry = find(throttle, address, name);
    if (!entry)
        entry = add(throttle, address, name);
    entry->failures++;
    entry->last_ms = clock_monotonic_ms();
}

void throttle_passed(struct throttle *throttle, const char *address, const char *name)
{
    struct entry *entry = find(throttle, address, name);
    if (entry)
        drop(throttle, entry);
}
