/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How many strangers are in.
 */
#include "common/io/gate.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/table.h"

#define TELL_MS 60000

/* IPv4 addresses in the first bytes; of IPv6 the network. */
struct key {
    uint8_t bytes[9];
};

struct source {
    UT_hash_handle hh;
    struct key key;
    size_t count;
    uint64_t tell_ms; /* from when on a line about it may be written */
};

struct gate {
    struct source *sources;
    size_t count, each, all;
    uint64_t tell_ms;
};

struct gate *gate_new(void)
{
    return xcalloc(1, sizeof(struct gate));
}

void gate_free(struct gate *gate)
{
    struct source *source, *next;
    if (!gate)
        return;
    HASH_ITER (hh, gate->sources, source, next) {
        HASH_DEL(gate->sources, source);
        free(source);
    }
    free(gate);
}

void gate_limit(struct gate *gate, size_t each, size_t all)
{
    gate->each = each;
    gate->all = all;
}

static struct key key_of(const char *address)
{
    struct key key = {{0}};
    uint8_t ip6[16];
    if (inet_pton(AF_INET6, address, ip6) == 1) {
        memcpy(key.bytes, ip6, 8);
        key.bytes[8] = 6;
    } else if (inet_pton(AF_INET, address, key.bytes) == 1) {
        key.bytes[8] = 4;
    }
    return key;
}

static struct source *find(struct gate *gate, const char *address)
{
    struct key key = key_of(address);
    struct source *source;
    HASH_FIND(hh, gate->sources, &key, sizeof(key), source);
    return source;
}

static struct source *find_or_add(struct gate *gate, const char *address)
{
    struct source *source = find(gate, address);
    if (source)
        return source;
    source = xcalloc(1, sizeof(*source));
    source->key = key_of(address);
    HASH_ADD(hh, gate->sources, key, sizeof(source->key), source);
    return source;
}

const char *gate_enter(struct gate *gate, const char *address)
{
    if (gate->count >= gate->all)
        return "unproven-connections";
    struct source *source = find_or_add(gate, address);
    if (source->count >= gate->each)
        return "connections-per-address";
    source->count++;
    gate->count++;
    return NULL;
}

void gate_leave(struct gate *gate, const char *address)
{
    struct source *source = find(gate, address);
    if (!source)
        return;
    gate->count--;
    if (--source->count > 0)
        return;
    HASH_DEL(gate->sources, source);
    free(source);
}

bool gate_tells(struct gate *gate, const char *address, uint64_t now_ms)
{
    struct source *source = gate->count >= gate->all ? NULL : find(gate, address);
    uint64_t *tell_ms = source ? &source->tell_ms : &gate->tell_ms;
    if (now_ms < *tell_ms)
        return false;
    *tell_ms = now_ms + TELL_MS;
    return true;
}
