/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas from other servers: who may say what (RFC 6120 §8.1.2.2).
 */
#include <string.h>

#include "common/base/log.h"
#include "common/base/table.h"
#include "common/service/follow.h"
#include "s2s/in.h"
#include "s2s/inbound.h"
#include "s2s/multicast.h"
#include "s2s/out.h"
#include "s2s/probe.h"

/* The domain of ours that a stanza with a malformed `to` is taken to be for; NULL: its sender is
 * not proven. Such an address is the mistake of a user of the peer, and no reason to take the
 * stream from all the others. */
static const char *meant_for(const struct in *in, const struct stanza *stanza)
{
    const struct proven *proven;
    if (!stanza->has_from || policy_is_ours(in->policy, stanza->from.domain))
        return NULL;
    if (in_is_proven(in, stanza->from.domain, in->to))
        return in->to;
    LL_FOREACH (in->proven, proven) {
        if (strcmp(proven->remote, stanza->from.domain) == 0)
            return proven->local;
    }
    return NULL;
}

static void address(struct stanza *stanza, const char *domain)
{
    struct jid jid;
    if (domain && jid_parse(stanza->arena, domain, &jid) == 0)
        stanza_set_to(stanza, &jid);
}

/* -1, or the stream error. */
static int judge(const struct in *in, const struct stanza *stanza)
{
    if (!stanza->has_from || !stanza->has_to)
        return STREAM_IMPROPER_ADDRESSING;
    if (policy_is_ours(in->policy, stanza->from.domain) ||
        !in_is_proven(in, stanza->from.domain, stanza->to.domain))
        return STREAM_INVALID_FROM;
    return -1;
}

void in_deliver(struct in *in, struct stanza *stanza)
{
    if (inbound_is_durable(stanza))
        inbound_take(in, stanza);
    else
        server_to_router(in->server, stanza);
}

static void arrived(struct in *in, struct stanza *stanza)
{
    if (multicast_came(in, stanza))
        return;
    if (stanza->kind == STANZA_PRESENCE)
        multicast_presence(in, stanza);
    in_deliver(in, stanza);
}

void in_stanza(void *user, struct stanza *stanza, int problem, const char *bytes, size_t length)
{
    struct in *in = user;
    (void)bytes, (void)length;
    in->received += in->sm ? 1 : 0;
    if (problem == STANZA_JID_MALFORMED && !stanza->has_to)
        address(stanza, meant_for(in, stanza));
    int condition = judge(in, stanza);
    if (condition >= 0) {
        log_warn("s2s_forged", LOG_TEXT("sid", stream_id(in->stream)),
                 LOG_TEXT("addr", conn_peer_address(in->conn)),
                 LOG_TEXT("from", stanza->has_from ? stanza->from.full : NULL),
                 LOG_TEXT("to", stanza->has_to ? stanza->to.full : NULL));
        FOLLOW(stanza->root, "came in from %s with a false address: the stream ends",
               conn_peer_address(in->conn));
        stanza_unref(stanza);
        stream_fail(in->stream, (enum stream_condition)condition, NULL);
        return;
    }
    if (server_answered(in->server, stanza)) {
        stanza_unref(stanza);
        return;
    }
    if (problem < 0) {
        arrived(in, stanza);
        return;
    }
    struct stanza *error = stanza_error(stanza, (enum stanza_condition)problem, NULL);
    stanza_unref(stanza);
    if (error)
        server_to_remote(in->server, error);
}
