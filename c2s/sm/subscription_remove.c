/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The end of both directions of a subscription when a roster item is removed (RFC 6121 §2.5.2; S13,
 * S14 of docs/rules/subscription.md).
 */
#include <stdlib.h>

#include "c2s/sm/letters.h"
#include "c2s/sm/presence.h"
#include "c2s/sm/subscription.h"
#include "common/base/error.h"

struct removal {
    struct jid *contact;
    enum subscription old;
    roster_done *after;
    void *user;
};

static struct letters *letters_of(struct account *account, const struct roster_item *item)
{
    struct letters *letters = letters_new(account);

    if (subscription_to(item->subscription) || subscription_pending_out(item->subscription)) {
        letters_add_presence(letters, PRESENCE_UNSUBSCRIBE, item->jid);
    }
    if (subscription_from(item->subscription)) {
        letters_add_presence(letters, PRESENCE_UNSUBSCRIBED, item->jid);
    }
    return letters;
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

int subscription_remove(struct roster_change *change, roster_done *after, void *user)
{
    struct removal *removal;
    struct roster_item *item = change->item;

    change->letters = letters_of(change->account, item);
    if (!letters_fit(change->letters)) {
        return ERR_LIMIT;
    }
    removal = xcalloc(1, sizeof(*removal));
    removal->contact = jid_dup(item->jid);
    removal->old = item->subscription;
    removal->after = after;
    removal->user = user;
    item->subscription =
        subscription_make(false, false, false, subscription_pending_in(item->subscription));
    roster_change_submit(change, NULL, removal_pushed, removal);
    return 0;
}
