/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Changing the roster: on a copy of the item, which takes its place once it is committed.
 */
#include <stdlib.h>
#include <string.h>

#include "c2s/sm/letters.h"
#include "c2s/sm/roster.h"
#include "common/base/error.h"
#include "common/base/limit.h"

/* Removed items that are kept for clients with an older version; then all of them are forgotten at
 * once, and those clients get the whole roster. */
#define REMOVED_MAX 500

static void copy_groups(struct roster_item *copy, const struct roster_item *item)
{
    copy->groups_count = item->groups_count;
    copy->groups = xcalloc(item->groups_count, sizeof(*copy->groups));
    for (size_t i = 0; i < item->groups_count; i++) {
        copy->groups[i] = xstrdup(item->groups[i]);
    }
}

static struct roster_item *item_copy(const struct roster_item *item)
{
    struct roster_item *copy = xcalloc(1, sizeof(*copy));

    copy->jid = jid_dup(item->jid);
    copy->name = xstrdup_or_null(item->name);
    copy->subscription = item->subscription;
    copy->approved = item->approved;
    copy->pending = xstrdup_or_null(item->pending);
    copy->version = item->version;
    copy->removed = item->removed;
    if (item->groups_count > 0) {
        copy_groups(copy, item);
    }
    return copy;
}

static struct roster_item *item_new(const struct jid *jid)
{
    struct roster_item *item = xcalloc(1, sizeof(*item));

    item->jid = jid_dup(jid);
    item->removed = true;
    return item;
}

struct roster_change *roster_change_begin(struct account *account, const struct jid *jid)
{
    struct roster_change *change = xcalloc(1, sizeof(*change));
    const struct roster_item *item = roster_find(account, jid->full);

    change->account = account;
    change->item = item ? item_copy(item) : item_new(jid);
    return change;
}

int roster_change_show(struct roster_change *change)
{
    const struct account *account = change->account;

    if (!change->item->removed) {
        return 0;
    }
    if (account->roster->shown >= account->sm->limits.roster_items) {
        limit_reached("roster-size");
        return ERR_LIMIT;
    }
    change->item->removed = false;
    return 0;
}

void roster_change_cancel(struct roster_change *change)
{
    letters_free(change->letters);
    if (change->item) {
        roster_item_free(change->item);
    }
    free(change);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_groups(const struct roster_item *a, const struct roster_item *b)
{
    if (a->groups_count != b->groups_count) {
        return false;
    }
    for (size_t i = 0; i < a->groups_count; i++) {
        if (strcmp(a->groups[i], b->groups[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* Pending inbound requests are no part of what clients see of an item (RFC 6121 A.1). */
static bool same_subscription(const struct roster_item *a, const struct roster_item *b)
{
    return subscription_to(a->subscription) == subscription_to(b->subscription) &&
           subscription_from(a->subscription) == subscription_from(b->subscription) &&
           subscription_pending_out(a->subscription) == subscription_pending_out(b->subscription);
}

static bool looks_the_same(const struct roster_item *a, const struct roster_item *b)
{
    if (!a || a->removed || b->removed) {
        return (!a || a->removed) && b->removed;
    }
    return same_text(a->name, b->name) && same_groups(a, b) && same_subscription(a, b) &&
           a->approved == b->approved;
}

/* An item nobody has to hear of any more, neither clients that come back nor the user. */
static bool worthless(const struct roster_item *item)
{
    return item->removed && item->version == 0 && !subscription_pending_in(item->subscription);
}

static void forget_removed(struct roster *roster)
{
    struct roster_item *item, *next;

    HASH_ITER (hh, roster->items, item, next) {
        if (item->removed && !subscription_pending_in(item->subscription)) {
            roster_delete(roster, item);
        }
    }
}

/* Takes the change's item into the roster; returns it, NULL if it is gone for good. */
static const struct roster_item *apply(struct roster_change *change)
{
    struct roster *roster = change->account->roster;
    struct roster_item *item = change->item;
    struct roster_item *old = roster_find(change->account, item->jid->full);

    change->item = NULL;
    if (change->forget) {
        roster->floor = roster->version;
    }
    if (change->visible) {
        roster->version = item->version;
    }
    if (old) {
        roster_delete(roster, old);
    }
    if (change->forget) {
        forget_removed(roster);
    }
    if (worthless(item)) {
        roster_item_free(item);
        return NULL;
    }
    roster_insert(roster, item);
    return item;
}

static void changed(struct account *account, int status, const struct db_result *results,
                    void *user)
{
    struct roster_change *change = user;
    const struct roster_item *item = status == 0 ? apply(change) : NULL;

    (void)results;
    if (status == 0) {
        letters_send(change->letters);
    }
    if (change->done) {
        change->done(account, status, change->user);
    }
    if (item && change->visible) {
        roster_push(account, item);
    }
    if (change->after) {
        change->after(account, status, change->user);
    }
    roster_change_cancel(change);
}

static void write(struct roster_change *change, struct sm_unit *unit)
{
    const struct roster *roster = change->account->roster;
    int64_t owner = change->account->owner;

    letters_write(change->letters, unit);
    if (change->forget) {
        roster_write_floor(unit, owner, roster->version);
    }
    if (change->visible) {
        roster_write_version(unit, owner, change->item->version);
    }
    if (worthless(change->item)) {
        roster_erase_item(unit, owner, change->item);
    } else {
        roster_write_item(unit, owner, change->item);
    }
    if (change->also) {
        change->also(unit, change->user);
    }
}

void roster_change_submit(struct roster_change *change, roster_done *done, roster_done *after,
                          void *user)
{
    struct account *account = change->account;
    const struct roster *roster = account->roster;
    const struct roster_item *old = roster_find(account, change->item->jid->full);
    struct sm_unit *unit = sm_unit_new(account, SM_WRITE);

    change->done = done;
    change->after = after;
    change->user = user;
    change->visible = change->push || !looks_the_same(old, change->item);
    if (change->visible) {
        change->item->version = roster->version + 1;
    }
    change->forget = change->visible && change->item->removed && roster->removed >= REMOVED_MAX;
    write(change, unit);
    sm_submit(unit, changed, change);
}
