/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Features that live on nodes of accounts, in the order in which they are asked and told.
 */
#include "c2s/pubsub/hooks.h"

#include <string.h>

extern const struct pubsub_hook avatar_hook, bookmarks_hook;

const struct pubsub_hook *const pubsub_hooks[] = {
    &avatar_hook,
    &bookmarks_hook,
    NULL,
};

/* Nodes of a service that has no account behind it are nothing but nodes. */
static bool concerns(const struct pubsub_hook *hook, const struct account *account,
                     const char *node)
{
    return account->jid->local && (!hook->node || strcmp(hook->node, node) == 0);
}

#define HOOKS(hook, account, name)                                                                 \
    for (const struct pubsub_hook *const *hook##_at = pubsub_hooks, *hook;                         \
         (hook = *hook##_at) != NULL; hook##_at++)                                                 \
        if (concerns(hook, account, name))

int hooks_check(struct account *account, const struct pubsub_item *item)
{
    HOOKS(hook, account, item->node)
    {
        int condition = hook->check ? hook->check(account, item) : -1;

        if (condition >= 0)
            return condition;
    }
    return -1;
}

void hooks_write(struct account *account, const struct pubsub_item *item, struct sm_unit *unit)
{
    HOOKS(hook, account, item->node)
    {
        if (hook->write)
            hook->write(account, item, unit);
    }
}

void hooks_published(struct account *account, const struct pubsub_item *item, pubsub_done *done,
                     void *user)
{
    HOOKS(hook, account, item->node)
    {
        if (hook->published) {
            hook->published(account, item, done, user);
            return;
        }
    }
    done(account, 0, user);
}

void hooks_retracted(struct account *account, const char *node, const char *id)
{
    HOOKS(hook, account, node)
    {
        if (hook->retracted)
            hook->retracted(account, node, id);
    }
}

bool hooks_absent(struct sm_request *request, const char *node, pubsub_go_on *go_on)
{
    HOOKS(hook, request->account, node)
    {
        if (hook->absent) {
            hook->absent(request, go_on);
            return true;
        }
    }
    return false;
}
