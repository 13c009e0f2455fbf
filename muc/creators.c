/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Creators of rooms.
 */
#include "muc/creators.h"

#include <stdlib.h>

struct creator {
    UT_hash_handle hh; /* by bare */
    size_t count;
    char bare[];
};

static struct creator *find(const struct muc *muc, const char *bare)
{
    struct creator *creator;

    HASH_FIND_STR(muc->creators, bare, creator);
    return creator;
}

void creators_add(struct muc *muc, const char *bare, size_t count)
{
    struct creator *creator = find(muc, bare);
    size_t size = strlen(bare) + 1;

    if (creator == NULL) {
        creator = xcalloc(1, sizeof(*creator) + size);
        memcpy(creator->bare, bare, size);
        HASH_ADD_KEYPTR(hh, muc->creators, creator->bare, size - 1, creator);
    }
    creator->count += count;
}

static void drop(struct muc *muc, struct creator *creator)
{
    HASH_DEL(muc->creators, creator);
    free(creator);
}

void creators_remove(struct muc *muc, const char *bare)
{
    struct creator *creator = find(muc, bare);

    if (creator && --creator->count == 0)
        drop(muc, creator);
}

void creators_free(struct muc *muc)
{
    struct creator *creator, *next;

    HASH_ITER (hh, muc->creators, creator, next) {
        drop(muc, creator);
    }
}

int creators_problem(const struct muc *muc, const struct jid *jid)
{
    size_t count = config_list_size(muc->config, "muc", NULL, "create");
    const struct creator *creator = find(muc, jid->bare);
    bool allowed = count == 0;

    for (size_t i = 0; i < count && !allowed; i++)
        allowed = strcmp(jid->domain, config_list_item(muc->config, "muc", NULL, "create", i)) == 0;
    if (!allowed)
        return SITUATION_ENTER_CREATE_RESTRICTED;
    return creator && creator->count >= muc->limits.rooms_per_user ? SITUATION_ENTER_TOO_MANY_ROOMS
                                                                   : -1;
}
