/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Message Carbons: which messages, to whom, and how they are wrapped.
 */
#include "c2s/sm/carbons.h"

#include <stdlib.h>
#include <string.h>

#include "c2s/sm/content.h"
#include "c2s/sm/smacks_row.h"
#include "c2s/sm/stanza_id.h"
#include "common/service/follow.h"
#include "common/xmpp/forward.h"

#define NS_CARBONS "urn:xmpp:carbons:2"

/* The last messages that were copied: an error that answers one of them is copied too (§6.1), but
 * it need not contain what it answers (RFC 6120 §8.3.1). */
#define RECENT 64
struct carbons {
    uint64_t copied[RECENT]; /* hashes of who and which */
    size_t next;
};

static uint64_t key_of(const struct jid *peer, const char *id)
{
    char *key = xasprintf("%s\n%s", peer->bare, id);
    uint64_t hash = hash_keyed(key, strlen(key));

    free(key);
    return hash;
}

static void remember(struct account *account, const struct jid *peer, const struct stanza *message)
{
    if (!stanza_id(message))
        return;
    if (!account->carbons)
        account->carbons = xcalloc(1, sizeof(*account->carbons));
    account->carbons->copied[account->carbons->next++ % RECENT] = key_of(peer, stanza_id(message));
}

static bool was_copied(const struct account *account, const struct jid *peer,
                       const struct stanza *error)
{
    uint64_t key;

    if (!account->carbons || !stanza_id(error))
        return false;
    key = key_of(peer, stanza_id(error));
    for (size_t i = 0; i < RECENT; i++) {
        if (account->carbons->copied[i] == key)
            return true;
    }
    return false;
}

static bool is_eligible(struct account *account, const struct jid *peer,
                        const struct stanza *message)
{
    if (message->type == MESSAGE_GROUPCHAT || content_is_private(message))
        return false;
    if (message->type == MESSAGE_ERROR)
        return was_copied(account, peer, message);
    return content_is_conversation(message);
}

static bool anybody_else_wants(const struct account *account, const struct session *session)
{
    const struct session *other;

    ACCOUNT_SESSIONS (other, account) {
        if (other != session && other->carbons && session_connected(other))
            return true;
    }
    return false;
}

/* From the bare JID: only that is believed by clients (§11). */
static void send_copy(struct session *session, const struct stanza *message, const char *direction,
                      int64_t seq)
{
    struct stanza *copy = stanza_new(STANZA_MESSAGE, message->type);
    struct element *wrapper = element_add(copy->root, NS_CARBONS, direction);
    struct element *inner = forward_message(wrapper, message->root, NULL);

    stanza_set_from(copy, session->account->jid);
    stanza_set_to(copy, session->jid);
    FOLLOW(message->root, "carbon (%s) to %s", direction, session->jid->full);
    if (seq > 0)
        stanza_id_add(session->account, inner, seq);
    session_send_take(session, copy);
}

/* What a user writes to its own account arrives there: that copy is enough. */
void carbons_sent(struct session *session, struct stanza *message, int64_t seq)
{
    struct account *account = session->account;
    struct session *other;

    if (message->kind != STANZA_MESSAGE || jid_bare_equal(&message->to, account->jid) ||
        !anybody_else_wants(account, session) || !is_eligible(account, &message->to, message))
        return;
    remember(account, &message->to, message);
    ACCOUNT_SESSIONS (other, account) {
        if (other->carbons && other != session)
            send_copy(other, message, "sent", seq);
    }
}

/* A room sends its private messages to each client of its occupant by itself (§6.1). */
void carbons_received(struct account *account, struct stanza *message,
                      bool (*has_it)(const struct session *session, const struct stanza *message))
{
    struct session *session;

    if (message->kind != STANZA_MESSAGE || !anybody_else_wants(account, NULL) ||
        (message->from.resource && content_is_of_room(message)) ||
        !is_eligible(account, &message->from, message))
        return;
    remember(account, &message->from, message);
    ACCOUNT_SESSIONS (session, account) {
        if (session->carbons && !has_it(session, message) &&
            !jid_equal(session->jid, &message->from))
            send_copy(session, message, "received", 0);
    }
}

static void switched(struct account *account UNUSED, int status UNUSED,
                     const struct db_result *results UNUSED, void *request)
{
    sm_result(request);
}

static void switch_copies(struct sm_request *request, bool wanted)
{
    if (!request->session) {
        sm_result(request);
        return;
    }
    request->session->carbons = wanted;
    smacks_row_first(request->session, switched, request);
}

static void enable(struct sm_request *request)
{
    switch_copies(request, true);
}

static void disable(struct sm_request *request)
{
    switch_copies(request, false);
}

static void refuse(struct sm_request *request)
{
    sm_error(request, STANZA_NOT_ALLOWED, NULL);
}

static void unload(struct account *account)
{
    free(account->carbons);
    account->carbons = NULL;
}

#define SOMEBODY_ELSE (SM_TO_ACCOUNT | SM_TO_NOBODY)

static const struct sm_iq iqs[] = {
    {NS_CARBONS, "enable", SM_SET, SM_TO_SELF, enable},
    {NS_CARBONS, "disable", SM_SET, SM_TO_SELF, disable},
    {NS_CARBONS, "enable", SM_SET, SOMEBODY_ELSE, refuse},
    {NS_CARBONS, "disable", SM_SET, SOMEBODY_ELSE, refuse},
    {0},
};

static const char *const features[] = {NS_CARBONS, "urn:xmpp:carbons:rules:0", NULL};
static const struct spec specs[] = {
    {"XEP-0280", "1.0.1", NULL}, {"XEP-0297", "1.0", "by the server only"}, {0}};

const struct sm_module carbons_module = {
    .name = "carbons",
    .specs = specs,
    .server_features = features,
    .iqs = iqs,
    .unload = unload,
};
