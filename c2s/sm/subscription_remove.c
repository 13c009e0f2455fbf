/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The end of both directions of a subscription when a roster item is removed (RFC 6121 §2.5.2; S13,
 * S14 of docs/rules/subscription.md).
 */
#include <stdlib.h>

#include "c2s/sm/presence.h"
#include "c2s/sm/subscription.h"

struct removal {
    struct jid *contact;
    enum subscription old;
    roster_done *after;
    void *user;
};

static void removal_committed(struct account *account, int status, void *user)
{
    const struct removal *removal = user;

    if (status < 0) {
        return;
    }
    if (subscription_to(removal->old) || subscription_pending_out(removal->old)) {
        sm_route_presence(account->sm, PRESENCE_UNSUBSCRIBE, account->jid, removal->contact);
    }
    if (subscription_from(removal->old)) {
        sm_route_presence(account->sm, PRESENCE_UNSUBSCRIBED, account->jid, removal->contact);
    }
}

static void removal_pushed(struct account *account, int status, void *user)
{
    struct removal *removal = user;

    if (status == 0 && subscription_from(removal->old)) {
        presence_hide(account, removal->contact);
    }
    removal->after(account, status, removal->user);
    free(removal->contact);
    free(removal);
}

void subscription_remove(struct roster_change *change, roster_done *after, void *user)
{
    struct removal *removal = xcalloc(1, sizeof(*removal));
    struct roster_item *item = change->item;

    removal->contact = jid_dup(item->jid);
    removal->old = item->subscription;
    removal->after = after;
    removal->user = user;
    item->subscription =
        subscription_make(false, false, false, subscription_pending_in(item->subscription));
    roster_change_submit(change, removal_committed, removal_pushed, removal);
}
