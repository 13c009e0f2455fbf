/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Roster pushes (RFC 6121 §2.1.6): an iq set from the account's server to each client that has
 * asked for the roster.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "c2s/sm/roster.h"
#include "c2s/sm/smacks.h"
#include "common/tls/crypto.h"

#define ID_BYTES 8

void roster_add_item(struct element *query, const struct roster_item *item)
{
    struct element *child = element_add(query, NS_ROSTER, "item");

    element_set(child, "jid", item->jid->full);
    if (item->removed) {
        element_set(child, "subscription", "remove");
        return;
    }
    element_set(child, "name", item->name);
    element_set(child, "subscription", subscription_name(item->subscription));
    if (subscription_pending_out(item->subscription)) {
        element_set(child, "ask", "subscribe");
    }
    if (item->approved) {
        element_set(child, "approved", "true");
    }
    for (size_t i = 0; i < item->groups_count; i++) {
        element_add_with_text(child, NS_ROSTER, "group", item->groups[i]);
    }
}

static struct stanza *push_new(const struct roster_item *item)
{
    struct stanza *push = stanza_new(STANZA_IQ, IQ_SET);
    struct element *query = element_add(push->root, NS_ROSTER, "query");
    char id[2 * ID_BYTES + 1];

    crypto_random_hex(id, ID_BYTES);
    element_set(push->root, "id", id);
    element_set(query, "ver", arena_printf(push->arena, "%" PRId64, item->version));
    roster_add_item(query, item);
    return push;
}

/* Without 'from', which is what a client trusts as coming from its own account (§2.1.6). */
static void push_to(struct session *session, const struct roster_item *item)
{
    struct stanza *push = push_new(item);

    stanza_set_to(push, session->jid);
    session_send_take(session, push);
    pushed_sent(&session->roster, item->version, smacks_sent(session));
}

void roster_push(struct account *account, const struct roster_item *item)
{
    struct session *session;

    ACCOUNT_SESSIONS (session, account) {
        if (session->roster_interested) {
            push_to(session, item);
        }
    }
}

static int by_version(const void *a, const void *b)
{
    const struct roster_item *const *left = a;
    const struct roster_item *const *right = b;

    return ((*left)->version > (*right)->version) - ((*left)->version < (*right)->version);
}

void roster_push_since(struct session *session, int64_t version)
{
    const struct roster *roster = session->account->roster;
    size_t count = 0;
    const struct roster_item **items =
        xcalloc(roster->shown + roster->removed + 1, sizeof(struct roster_item *));

    ROSTER_ITEMS (item, session->account) {
        if (item->version > version) {
            items[count++] = item;
        }
    }
    qsort(items, count, sizeof(struct roster_item *), by_version);
    for (size_t i = 0; i < count; i++) {
        push_to(session, items[i]);
    }
    free(items);
}

void roster_tell_anew(struct session *session)
{
    if (session->roster_interested && session->account->roster) {
        pushed_set(&session->roster, session->roster.has);
        roster_push_since(session, session->roster.has);
    }
}
