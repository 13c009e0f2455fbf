/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Passing on.
 */
#include "muc/pass.h"

#include "common/service/follow.h"
#include "common/xmpp/forward.h"
#include "common/xmpp/namespaces.h"
#include "muc/taker.h"

/* Of all workers the one by which answers for the room come from other nodes. */
struct jid pass_address(struct arena *arena, const struct muc *muc, const char *local)
{
    struct jid jid;

    if (jid_make(arena, local, muc->network, NULL, &jid) != 0)
        jid = (struct jid){0};
    return jid;
}

static struct stanza *wrap(const struct room *room, const struct stanza *stanza)
{
    struct stanza *message = stanza_new(STANZA_MESSAGE, MESSAGE_NORMAL);
    const struct jid to = pass_address(message->arena, room->muc, room->jid->local);
    struct jid from;

    if (jid_make(message->arena, NULL, room->muc->domain, NULL, &from) == 0)
        stanza_set_from(message, &from);
    stanza_set_to(message, &to);
    forward_message(message->root, stanza->root, NULL);
    return message;
}

/* An offer of an account of ours comes from the session manager, which asks the directory anew. */
void pass_on(struct room *room, struct stanza *stanza)
{
    struct muc *muc = room->muc;
    struct taking *taking = taker_find(muc, stanza);
    struct stanza *message;

    if (taking && strcmp(stanza->from.domain, muc->network) == 0) {
        taker_refuse(muc, taking, STANZA_GONE, "wait");
        return;
    }
    FOLLOW(stanza->root, "the home of the room is at another node: goes there by c2s");
    message = wrap(room, stanza);
    if (taking)
        taker_pass(muc, taking, message);
    else
        muc_send(muc, message);
    stanza_unref(message);
}

static struct stanza *open(const struct element *forwarded)
{
    const struct element *inner = element_first(forwarded);
    struct stanza *stanza;

    if (inner == NULL || strcmp(inner->ns, NS_CLIENT) != 0 || forward_open(forwarded, &stanza) != 0)
        return NULL;
    if (stanza->has_to)
        return stanza;
    stanza_unref(stanza);
    return NULL;
}

static bool is_ours(const struct muc *muc, const struct jid *jid)
{
    return strcmp(jid->domain, muc->domain) == 0;
}

/* It has come back: the session manager is away. */
static void tell_sender(struct muc *muc, const struct stanza *stanza)
{
    struct stanza *error = stanza_error(stanza, STANZA_REMOTE_SERVER_TIMEOUT, NULL);

    if (error)
        muc_send(muc, error);
    stanza_unref(error);
}

bool pass_opens(struct muc *muc, const struct stanza *message, struct stanza **stanza)
{
    const struct element *forwarded =
        muc->homes && message->kind == STANZA_MESSAGE && message->has_from && message->has_to
            ? element_find(message->root, NS_FORWARD, "forwarded")
            : NULL;
    bool back = message->type == MESSAGE_ERROR && !message->to.local &&
                strcmp(message->from.domain, muc->network) == 0;

    *stanza = NULL;
    if (forwarded == NULL ||
        (!back && (message->from.local || strcmp(message->from.domain, muc->host) != 0)))
        return false;
    *stanza = open(forwarded);
    if (*stanza == NULL || (!back && is_ours(muc, &(*stanza)->to)))
        return true;
    if (back)
        tell_sender(muc, *stanza);
    else if (is_ours(muc, &(*stanza)->from)) /* an error in the name of a room elsewhere */
        muc_send(muc, *stanza);
    stanza_unref(*stanza);
    *stanza = NULL;
    return true;
}
