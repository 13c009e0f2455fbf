/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Contacts that are there.
 *
 * Who has come is told by its presence. But the account is forgotten some time after its last
 * session, and contacts send presence again when the account itself comes: so a bounded table
 * remembers, by hash, who has got the last items of whom. Two that share a place in it are told
 * once more than they need.
 */
#include "c2s/pubsub/contacts.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/pubsub/access.h"
#include "c2s/pubsub/items.h"
#include "c2s/pubsub/node.h"
#include "c2s/sm/roster.h"
#include "common/base/limit.h"

#define NS_CAPS "http://jabber.org/protocol/caps"

/* Pairs that are remembered. */
#define SEEN 65536

struct contacts_seen {
    uint64_t pairs[SEEN];
};

static uint64_t pair_of(const char *account, const char *full)
{
    char *key = xasprintf("%s\n%s", account, full);
    uint64_t hash = hash_keyed(key, strlen(key));

    free(key);
    return hash;
}

static uint64_t *place_of(struct sm *sm, uint64_t pair)
{
    return &sm->contacts_seen->pairs[pair % SEEN];
}

/* False: it was seen before. */
static bool see(struct sm *sm, const char *account, const char *full)
{
    uint64_t pair = pair_of(account, full), *place = place_of(sm, pair);
    bool is_new = *place != pair;

    *place = pair;
    return is_new;
}

static void unsee(struct sm *sm, const char *account, const char *full)
{
    uint64_t pair = pair_of(account, full), *place = place_of(sm, pair);

    if (*place == pair)
        *place = 0;
}

bool contact_wants(const struct contact *contact, const char *node)
{
    return features_want(contact->features, node);
}

/* --- last items --- */

static bool is_wanted(const struct account *account, const struct pubsub_node *node,
                      const struct jid *to, const void *context)
{
    return options_is(&node->options, OPTION_SEND_LAST, "on_sub_and_presence") &&
           options_on(&node->options, OPTION_DELIVER_NOTIFICATIONS) &&
           features_want(context, node->name) && access_to_read(account, node, to).condition < 0;
}

static void send_last(struct account *account, const struct features *features,
                      const struct jid *to)
{
    if (node_count(account) > 0)
        items_send_all_last(account, to, is_wanted, features);
}

static struct contact *find(const struct account *account, const char *full)
{
    struct contact *contact;

    HASH_FIND_STR(account->contacts, full, contact);
    return contact;
}

/* The answer is there. */
static void known(struct sm *sm, const char *bare, const char *full)
{
    struct account *account = account_find(sm, bare);
    const char *resource = strchr(full, '/');
    struct session *session;
    struct contact *contact;

    if (!account)
        return;
    contact = find(account, full);
    if (contact) {
        send_last(account, contact->features, contact->jid);
        return;
    }
    session = resource ? account_session(account, resource + 1) : NULL;
    if (session && session->features && session_available(session) &&
        strcmp(session->jid->full, full) == 0)
        send_last(account, session->features, session->jid);
}

void contacts_start(struct sm *sm)
{
    features_start(sm, known);
    sm->contacts_seen = xcalloc(1, sizeof(*sm->contacts_seen));
}

void contacts_stop(struct sm *sm)
{
    features_stop(sm);
    free(sm->contacts_seen);
}

/* --- sessions --- */

static struct features *session_features(struct session *session)
{
    if (!session->features && session->presence)
        session->features = features_of(session->account->sm, session->presence);
    return session->features;
}

bool contacts_session_wants(struct session *session, const char *node)
{
    return features_want(session_features(session), node);
}

/* Asked in the name of the domain: clients answer their own server. */
static void listen(struct session *session, struct features *features)
{
    struct account *account = session->account;
    struct arena *arena = arena_new();
    struct jid domain;

    if (jid_parse(arena, account->jid->domain, &domain) == 0 &&
        features_listen(account->sm, features, account->jid, session->jid, &domain))
        send_last(account, features, session->jid);
    arena_free(arena);
}

void contacts_session_presence(struct session *session, bool initial)
{
    struct sm *sm = session->account->sm;
    struct features *old = session->features;
    struct features *now;

    session->features = NULL;
    now = session_features(session);
    if (now && (initial || now != old))
        listen(session, now);
    features_unref(sm, old);
}

/* --- contacts --- */

static void forget(struct account *account, struct contact *contact)
{
    HASH_DEL(account->contacts, contact);
    features_unref(account->sm, contact->features);
    free(contact->jid);
    free(contact);
}

void contacts_free(struct account *account)
{
    struct contact *contact, *next;

    HASH_ITER (hh, account->contacts, contact, next) {
        forget(account, contact);
    }
}

static void gone(struct account *account, const struct jid *from)
{
    struct contact *contact = find(account, from->full);

    if (contact)
        forget(account, contact);
    unsee(account->sm, account->jid->bare, from->full);
}

static struct contact *add(struct account *account, const struct jid *jid)
{
    struct contact *contact;

    if (HASH_COUNT(account->contacts) >= account->sm->limits.pubsub_contacts) {
        limit_reached("pubsub-contacts");
        return NULL;
    }
    contact = xcalloc(1, sizeof(*contact));
    contact->jid = jid_dup(jid);
    HASH_ADD_KEYPTR(hh, account->contacts, contact->jid->full, strlen(contact->jid->full), contact);
    return contact;
}

static void came(struct account *account, const struct stanza *presence)
{
    struct sm *sm = account->sm;
    struct features *features = features_of(sm, presence);
    struct contact *contact = find(account, presence->from.full);
    bool changed = !contact || contact->features != features;

    if (!features) {
        if (contact)
            forget(account, contact);
        return;
    }
    if (!contact)
        contact = add(account, &presence->from);
    if (!contact) {
        features_unref(sm, features);
        return;
    }
    features_unref(sm, contact->features);
    contact->features = features;
    if (!see(sm, account->jid->bare, contact->jid->full) || !changed)
        return;
    if (features_listen(sm, features, account->jid, contact->jid, account->jid))
        send_last(account, features, contact->jid);
}

void contacts_incoming(struct account *account, const struct stanza *presence)
{
    const struct jid *from = &presence->from;

    if (!presence->has_from || !from->resource || jid_bare_equal(from, account->jid))
        return;
    if (presence->type == PRESENCE_UNAVAILABLE)
        gone(account, from);
    else if (presence->type == PRESENCE_AVAILABLE &&
             subscription_from(roster_subscription(account, from->bare)))
        came(account, presence);
}

/* Presence to an account that is not in memory: who is new may be waiting for something. */
bool pubsub_wants_presence(struct sm *sm, const struct stanza *presence)
{
    if (!presence->has_from || !presence->from.resource)
        return false;
    if (presence->type == PRESENCE_UNAVAILABLE) {
        unsee(sm, presence->to.bare, presence->from.full);
        return false;
    }
    return presence->type == PRESENCE_AVAILABLE && element_find(presence->root, NS_CAPS, "c") &&
           *place_of(sm, pair_of(presence->to.bare, presence->from.full)) !=
               pair_of(presence->to.bare, presence->from.full);
}
