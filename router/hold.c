/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas for shared names that wait for the first seconds to pass.
 */
#include "router/hold.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "router/component.h"

struct held {
    struct component *sender; /* NULL: gone meanwhile */
    struct stanza *stanza;
    struct held *prev, *next;
};

struct hold {
    struct router *router;
    struct timer *timer; /* NULL: over */
    struct held *list;
    size_t size;
    size_t size_max;
};

static void release(void *user)
{
    struct hold *hold = user;
    struct held *held, *next;
    size_t count = 0;
    timer_close(hold->timer);
    hold->timer = NULL;
    DL_FOREACH_SAFE (hold->list, held, next) {
        DL_DELETE(hold->list, held);
        forward_held(hold->router, held->sender, held->stanza);
        free(held);
        count++;
    }
    log_info("shared_released", LOG_INT("stanzas", count));
    durable_hold_over(hold->router);
}

struct hold *hold_new(struct router *router, uint64_t after_ms, size_t size_max)
{
    struct hold *hold = xcalloc(1, sizeof(*hold));
    hold->router = router;
    hold->size_max = size_max;
    if (after_ms > 0) {
        hold->timer = timer_new(router->loop, release, hold);
        timer_start(hold->timer, after_ms, 0);
    }
    return hold;
}

void hold_free(struct hold *hold)
{
    struct held *held, *next;
    if (!hold)
        return;
    timer_close(hold->timer);
    DL_FOREACH_SAFE (hold->list, held, next) {
        stanza_unref(held->stanza);
        free(held);
    }
    free(hold);
}

bool hold_applies(const struct hold *hold, const char *domain)
{
    return hold->timer && acl_is_local(hold->router->acls, domain);
}

bool hold_add(struct hold *hold, struct component *sender, struct stanza *stanza, size_t size)
{
    if (hold->size + size > hold->size_max)
        return false;
    struct held *held = xcalloc(1, sizeof(*held));
    held->sender = sender;
    held->stanza = stanza_ref(stanza);
    hold->size += size;
    DL_APPEND(hold->list, held);
    return true;
}

void hold_forget(struct hold *hold, const struct component *component)
{
    struct held *held;
    DL_FOREACH (hold->list, held) {
        if (held->sender == component)
            held->sender = NULL;
    }
}
