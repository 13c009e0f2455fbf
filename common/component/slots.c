/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Rendezvous hashing of slots: every id draws a weight for the slot, the highest owns it.
 */
#include "common/component/slots.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/hash.h"

unsigned slot_of(const char *bare_jid)
{
    return (unsigned)(hash_stable(bare_jid, strlen(bare_jid)) % SLOTS);
}

/* The hash of (hash of the id, slot), in a byte order of its own, so that every machine agrees. */
static uint64_t weight_of(unsigned slot, const char *id)
{
    uint64_t id_hash = hash_stable(id, strlen(id));
    unsigned char bytes[sizeof(id_hash) + 1];
    for (size_t i = 0; i < sizeof(id_hash); i++)
        bytes[i] = (unsigned char)(id_hash >> (8 * i));
    bytes[sizeof(id_hash)] = (unsigned char)slot;
    return hash_stable(bytes, sizeof(bytes));
}

/* Ids are compared when weights are equal, so that the order of the list never decides. */
static bool is_heavier(uint64_t weight, const char *id, uint64_t best_weight, const char *best_id)
{
    if (weight != best_weight)
        return weight > best_weight;
    return strcmp(id, best_id) < 0;
}

size_t slot_owner(unsigned slot, const char *const *ids, size_t count)
{
    size_t best = 0;
    uint64_t best_weight = weight_of(slot, ids[0]);
    for (size_t i = 1; i < count; i++) {
        uint64_t weight = weight_of(slot, ids[i]);
        if (!is_heavier(weight, ids[i], best_weight, ids[best]))
            continue;
        best = i;
        best_weight = weight;
    }
    return best;
}
