/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * For each owner the slots of the last hour, the oldest first.
 */
#include "files/quota.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "common/base/macros.h"
#include "common/base/memory.h"
#include "common/base/table.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_US  (24 * HOUR_US)

struct promise {
    char *id;
    uint64_t size; /* 0: uploaded, or never will be */
    int64_t begun_us, until_us;
    struct promise *prev, *next;
};

struct owner {
    UT_hash_handle hh;
    struct promise *promises;
    size_t count;
    char name[];
};

struct quota {
    struct owner *owners;
};

struct quota *quota_new(void)
{
    return xcalloc(1, sizeof(struct quota));
}

static void drop_promise(struct owner *owner, struct promise *promise)
{
    DL_DELETE(owner->promises, promise);
    owner->count--;
    free(promise->id);
    free(promise);
}

static void drop_owner(struct quota *quota, struct owner *owner)
{
    struct promise *promise, *next;

    DL_FOREACH_SAFE (owner->promises, promise, next)
        drop_promise(owner, promise);
    HASH_DEL(quota->owners, owner);
    free(owner);
}

void quota_free(struct quota *quota)
{
    struct owner *owner, *next;

    HASH_ITER (hh, quota->owners, owner, next)
        drop_owner(quota, owner);
    free(quota);
}

static struct owner *get_owner(struct quota *quota, const char *name)
{
    struct owner *owner;

    HASH_FIND_STR(quota->owners, name, owner);
    if (owner == NULL) {
        size_t size = strlen(name) + 1;
        owner = xcalloc(1, sizeof(*owner) + size);
        memcpy(owner->name, name, size);
        HASH_ADD_STR(quota->owners, name, owner);
    }
    return owner;
}

static void drop_old(struct owner *owner, int64_t now_us)
{
    struct promise *promise, *next;

    DL_FOREACH_SAFE (owner->promises, promise, next)
        if (promise->begun_us + HOUR_US <= now_us && promise->until_us <= now_us)
            drop_promise(owner, promise);
}

static uint64_t promised(const struct owner *owner, int64_t now_us)
{
    const struct promise *promise;
    uint64_t bytes = 0;

    DL_FOREACH (owner->promises, promise)
        bytes += promise->until_us > now_us ? promise->size : 0;
    return bytes;
}

static void promise(struct owner *owner, const struct quota_limits *limits,
                    const struct quota_request *request)
{
    struct promise *new = xcalloc(1, sizeof(*new));

    new->id = xstrdup(request->id);
    new->size = request->size;
    new->begun_us = request->now_us;
    new->until_us = request->now_us + limits->slot_us;
    DL_APPEND(owner->promises, new);
    owner->count++;
}

const char *quota_take(struct quota *quota, const struct quota_limits *limits,
                       const struct quota_request *request, int64_t *again_us)
{
    struct owner *owner = get_owner(quota, request->owner);
    uint64_t waiting;

    drop_old(owner, request->now_us);
    waiting = promised(owner, request->now_us);
    if (owner->count >= limits->slots_per_hour) {
        *again_us = owner->promises->begun_us + HOUR_US;
        return "slots-per-hour";
    }
    if (request->stored + waiting + request->size > limits->bytes_per_day) {
        *again_us = waiting > 0 || request->oldest_us == 0 ? request->now_us + limits->slot_us
                                                           : request->oldest_us + DAY_US;
        return "bytes-per-day";
    }
    promise(owner, limits, request);
    return NULL;
}

void quota_used(struct quota *quota, const char *owner, const char *id)
{
    struct promise *promise;
    struct owner *found;

    HASH_FIND_STR(quota->owners, owner, found);
    if (found == NULL)
        return;
    DL_FOREACH (found->promises, promise)
        if (strcmp(promise->id, id) == 0)
            promise->size = 0;
}

void quota_sweep(struct quota *quota, int64_t now_us)
{
    struct owner *owner, *next;

    HASH_ITER (hh, quota->owners, owner, next) {
        drop_old(owner, now_us);
        if (owner->count == 0)
            drop_owner(quota, owner);
    }
}
