/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The order of targets and addresses.
 */
#include "s2s/targets.h"

#include <stdlib.h>

static int by_priority(const void *left, const void *right)
{
    const struct target *a = left, *b = right;
    if (a->srv.priority != b->srv.priority)
        return a->srv.priority < b->srv.priority ? -1 : 1;
    /* Weight 0 stands at the beginning, so that it has its small chance. */
    return (a->srv.weight > 0) - (b->srv.weight > 0);
}

static void swap(struct target *a, struct target *b)
{
    struct target kept = *a;
    *a = *b;
    *b = kept;
}

static size_t draw(const struct target *targets, size_t count, uint32_t (*pick)(uint32_t below))
{
    uint32_t total = 0, sum = 0;
    for (size_t i = 0; i < count; i++)
        total += targets[i].srv.weight;
    uint32_t drawn = pick(total + 1);
    for (size_t i = 0; i < count; i++) {
        sum += targets[i].srv.weight;
        if (sum >= drawn)
            return i;
    }
    return count - 1;
}

static size_t same_priority(const struct target *targets, size_t count)
{
    size_t same = 1;
    while (same < count && targets[same].srv.priority == targets[0].srv.priority)
        same++;
    return same;
}

void targets_order(struct target *targets, size_t count, uint32_t (*pick)(uint32_t below))
{
    if (count > 0)
        qsort(targets, count, sizeof(*targets), by_priority);
    while (count > 0) {
        size_t drawn = draw(targets, same_priority(targets, count), pick);
        for (; drawn > 0; drawn--) /* keeps the others in their order */
            swap(&targets[drawn], &targets[drawn - 1]);
        targets++;
        count--;
    }
}

void target_add_address(struct target *target, const struct address *address)
{
    if (target->count < ARRAY_SIZE(target->addresses))
        target->addresses[target->count++] = *address;
}

static const struct address *next_of(const struct target *target, int family, size_t *from)
{
    while (*from < target->count) {
        const struct address *address = &target->addresses[(*from)++];
        if (address->any.sa_family == family)
            return address;
    }
    return NULL;
}

static size_t take_turns(const struct target *target, struct candidate *candidates, size_t max)
{
    static const int families[] = {AF_INET6, AF_INET};
    size_t from[ARRAY_SIZE(families)] = {0};
    size_t count = 0;
    for (size_t found = 1; found > 0;) {
        found = 0;
        for (size_t i = 0; i < ARRAY_SIZE(families) && count < max; i++) {
            const struct address *address = next_of(target, families[i], &from[i]);
            if (!address)
                continue;
            candidates[count++] = (struct candidate){.address = *address, .target = target};
            found++;
        }
    }
    return count;
}

size_t targets_candidates(const struct target *targets, size_t count, struct candidate *candidates,
                          size_t max)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += take_turns(&targets[i], candidates + used, max - used);
    return used;
}
