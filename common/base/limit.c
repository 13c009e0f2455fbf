/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * A count for each key.
 */
#include "common/base/limit.h"

#include <stddef.h>
#include <string.h>

/* More than any daemon has; what would be beyond is not counted. */
#define LIMITS_MAX 64

static struct {
    const char *key;
    uint64_t count;
} limits[LIMITS_MAX];

void limit_reached(const char *key)
{
    size_t i = 0;

    while (i < LIMITS_MAX && limits[i].key && strcmp(limits[i].key, key) != 0)
        i++;
    if (i == LIMITS_MAX)
        return;
    limits[i].key = key;
    limits[i].count++;
}

void limit_each(void (*each)(void *user, const char *key, uint64_t count), void *user)
{
    for (size_t i = 0; i < LIMITS_MAX && limits[i].key; i++)
        each(user, limits[i].key, limits[i].count);
}
