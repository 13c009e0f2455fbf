/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The roster in memory.
 */
#include "c2s/sm/roster.h"

#include <stdlib.h>
#include <string.h>

struct roster_item *roster_find(const struct account *account, const char *jid)
{
    struct roster_item *item = NULL;

    if (account->roster) {
        HASH_FIND_STR(account->roster->items, jid, item);
    }
    return item;
}

enum subscription roster_subscription(const struct account *account, const char *jid)
{
    const struct roster_item *item = roster_find(account, jid);

    return item ? item->subscription : SUBSCRIPTION_NONE;
}

void roster_item_free(struct roster_item *item)
{
    for (size_t i = 0; i < item->groups_count; i++) {
        free(item->groups[i]);
    }
    free(item->groups);
    free(item->jid);
    free(item->name);
    free(item->pending);
    free(item);
}

static size_t *counter_of(struct roster *roster, const struct roster_item *item)
{
    return item->removed ? &roster->removed : &roster->shown;
}

void roster_insert(struct roster *roster, struct roster_item *item)
{
    HASH_ADD_KEYPTR(hh, roster->items, item->jid->full, strlen(item->jid->full), item);
    ++*counter_of(roster, item);
}

void roster_delete(struct roster *roster, struct roster_item *item)
{
    --*counter_of(roster, item);
    HASH_DEL(roster->items, item);
    roster_item_free(item);
}

void roster_free(struct roster *roster)
{
    struct roster_item *item, *next;

    HASH_ITER (hh, roster->items, item, next) {
        roster_delete(roster, item);
    }
    free(roster);
}
