/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas from other servers: who may say what (RFC 6120 §8.1.2.2).
 */
#include "common/base/log.h"
#include "s2s/in.h"

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

void in_stanza(void *user, struct stanza *stanza, int problem, const char *bytes, size_t length)
{
    struct in *in = user;
    (void)bytes, (void)length;
    int condition = judge(in, stanza);
    if (condition >= 0) {
        log_warn("s2s_forged", LOG_TEXT("sid", stream_id(in->stream)),
                 LOG_TEXT("addr", conn_peer_address(in->conn)),
                 LOG_TEXT("from", stanza->has_from ? stanza->from.full : NULL),
                 LOG_TEXT("to", stanza->has_to ? stanza->to.full : NULL));
        stanza_unref(stanza);
        stream_fail(in->stream, (enum stream_condition)condition, NULL);
        return;
    }
    if (problem < 0) {
        server_to_router(in->server, stanza);
        return;
    }
    struct stanza *error = stanza_error(stanza, (enum stanza_condition)problem, NULL);
    stanza_unref(stanza);
    if (error)
        server_to_remote(in->server, error);
}
