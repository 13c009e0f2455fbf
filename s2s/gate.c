/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * How many strangers are in.
 */
#include "s2s/gate.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/table.h"

struct source {
    UT_hash_handle hh;
    size_t count;
    char address[];
};

struct gate {
    struct source *sources;
    size_t count, each, all;
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

static struct source *find_or_add(struct gate *gate, const char *address)
{
    struct source *source;
    size_t length = strlen(address);
    HASH_FIND(hh, gate->sources, address, length, source);
    if (source)
        return source;
    source = xcalloc(1, sizeof(*source) + length + 1);
    memcpy(source->address, address, length + 1);
    HASH_ADD_KEYPTR(hh, gate->sources, source->address, length, source);
    return source;
}

bool gate_enter(struct gate *gate, const char *address)
{
    if (gate->count >= gate->all)
        return false;
    struct source *source = find_or_add(gate, address);
    if (source->count >= gate->each)
        return false;
    source->count++;
    gate->count++;
    return true;
}

void gate_leave(struct gate *gate, const char *address)
{
    struct source *source;
    HASH_FIND(hh, gate->sources, address, strlen(address), source);
    if (!source)
        return;
    gate->count--;
    if (--source->count > 0)
        return;
    HASH_DEL(gate->sources, source);
    free(source);
}
