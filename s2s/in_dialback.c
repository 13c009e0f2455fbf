/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Dialback on streams from other servers (XEP-0220): as the receiving server we have keys verified,
 * as the authoritative server we say whether a key is ours.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/limit.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "s2s/bidi.h"
#include "s2s/dialback.h"
#include "s2s/in.h"
#include "s2s/pair.h"
#include "s2s/probe.h"
#include "s2s/verify.h"

static void advertise(void *user, struct element *features)
{
    (void)user;
    struct element *dialback = element_add(features, NS_DIALBACK_FEATURES, "dialback");
    element_add(dialback, NS_DIALBACK_FEATURES, "errors");
}

static void send_words(struct in *in, const struct dialback_words *words)
{
    struct buffer text = {0};
    dialback_write(&text, words);
    stream_send_bytes(in->stream, text.data, text.length);
    buffer_fini(&text);
}

/* Addresses of the element, prepared; false: the stream has failed. */
struct names {
    struct arena *arena;
    const char *from, *to;
};

static bool read_names(struct in *in, const struct element *element, struct names *names)
{
    const char *from = element_get(element, "from");
    const char *to = element_get(element, "to");
    names->arena = element->arena;
    if (from && to && jid_prepare_domain(names->arena, from, &names->from) == 0 &&
        jid_prepare_domain(names->arena, to, &names->to) == 0)
        return true;
    stream_fail(in->stream, STREAM_IMPROPER_ADDRESSING, NULL);
    return false;
}

/* Without TLS nothing is heard. */
static bool is_safe(struct in *in, const char *from)
{
    if (stream_has_flag(in->stream, STREAM_SECURE) || !policy_requires_tls(in->policy, from))
        return true;
    stream_fail(in->stream, STREAM_POLICY_VIOLATION, "TLS is required");
    return false;
}

/* --- as the receiving server --- */

static void answer(struct in *in, const char *remote, const char *local, const char *type,
                   enum stanza_condition condition)
{
    send_words(
        in,
        &(struct dialback_words){
            .name = "result", .from = local, .to = remote, .type = type, .condition = condition});
}

void in_verified(struct in *in, const char *remote, const char *local, const char *type,
                 enum stanza_condition condition)
{
    in->pending--;
    if (strcmp(type, "valid") == 0)
        in_prove(in, remote, local, "dialback");
    if (strcmp(type, "valid") == 0 && !in_is_proven(in, remote, local))
        return; /* one pair too many: the stream has failed */
    answer(in, remote, local, type, condition);
    if (strcmp(type, "valid") == 0) {
        stream_ready(in->stream);
        bidi_share_in(in);
    }
    /* A wrong key is an attack or a server that does not know what it does (XEP-0220 §2.1.2). */
    if (strcmp(type, "invalid") == 0)
        stream_close(in->stream);
}

/* -1, or why the key is not even looked at. */
static int refuse(const struct in *in, const struct names *names)
{
    const struct server *server = in->server;
    if (!policy_is_ours(in->policy, names->to))
        return STANZA_ITEM_NOT_FOUND;
    if (policy_is_ours(in->policy, names->from) || !policy_admits(in->policy, names->from))
        return STANZA_NOT_ALLOWED;
    if (in->pending >= server->limits.pending_pairs)
        limit_reached("pending-pairs");
    else if (server->verifications >= server->limits.pending_verifications)
        limit_reached("pending-verifications");
    else
        return -1;
    return STANZA_RESOURCE_CONSTRAINT;
}

static void on_result(void *user, struct element *element)
{
    struct in *in = user;
    struct names names;
    /* Answers belong to the stream on which the question was asked (CVE-2012-3525). */
    if (element_get(element, "type") || !read_names(in, element, &names) ||
        !is_safe(in, names.from))
        return;
    int condition = refuse(in, &names);
    if (condition >= 0) {
        answer(in, names.from, names.to, "error", (enum stanza_condition)condition);
        return;
    }
    if (in_is_proven(in, names.from, names.to)) {
        answer(in, names.from, names.to, "valid", 0);
        return;
    }
    in->pending++;
    verify_begin(remote_get(in->server, names.from), in, names.to, element_text(element));
}

/* --- as the authoritative server --- */

static struct pair *find_asking(struct server *server, const struct names *names, const char *id)
{
    struct pair *pair = pair_find(server, names->to, names->from);
    if (pair && pair_asks(pair, id))
        return pair;
    return probe_pair(server, names->to, names->from, id);
}

/* Alone: a key is ours if it is for a stream on which it is in question now, and only once. */
static bool is_of_this_node(const struct in *in, const struct pair *pair, const struct names *names,
                            const char *id, const char *key)
{
    size_t length;
    const char *secret = policy_secret(in->policy, &length);
    struct dialback_key expected = dialback_key(secret, length, names->from, names->to, id);
    return pair && dialback_key_equal(&expected, key);
}

static void settle(const struct in *in, struct pair *pair)
{
    trace_say(pair->remote->trace, "proof", "dialback: %s asks whether the key is ours: it is",
              conn_peer_address(in->conn));
    free(pair->dialback_id);
    pair->dialback_id = NULL;
}

/* The answer: "valid", "invalid", or "error" where it is not known (docs/NETWORK.md). What another
 * node of the network has made is in question on a stream of that node. */
static const char *judge(const struct in *in, const struct names *names, const char *id,
                         const char *key)
{
    static const char *const answers[] = {[NETWORK_KEY_GOOD] = "valid",
                                          [NETWORK_KEY_BAD] = "invalid",
                                          [NETWORK_KEY_UNKNOWN] = "error"};
    const struct network_key_subject subject = {names->from, names->to, id};
    enum network_key_verdict verdict = server_check_network_key(in->server, &subject, key);
    struct pair *pair = find_asking(in->server, names, id);
    bool ours = verdict == NETWORK_KEY_OTHER ? is_of_this_node(in, pair, names, id, key)
                                             : verdict == NETWORK_KEY_GOOD;
    if (ours && pair)
        settle(in, pair);
    if (verdict != NETWORK_KEY_OTHER)
        return answers[verdict];
    return ours ? "valid" : "invalid";
}

static void on_verify(void *user, struct element *element)
{
    struct in *in = user;
    const char *id = element_get(element, "id");
    struct names names;
    if (element_get(element, "type") || !read_names(in, element, &names) ||
        !is_safe(in, names.from))
        return;
    struct dialback_words words = {.name = "verify",
                                   .from = names.to,
                                   .to = names.from,
                                   .id = id ? id : "",
                                   .type = "invalid",
                                   .condition = STANZA_ITEM_NOT_FOUND};
    if (!policy_is_ours(in->policy, names.to)) {
        words.type = "error";
    } else if (id) {
        words.type = judge(in, &names, id, element_text(element));
    }
    send_words(in, &words);
}

static const struct stream_element elements[] = {
    {NS_DIALBACK, "result", on_result},
    {NS_DIALBACK, "verify", on_verify},
    {0},
};

const struct stream_feature in_dialback = {
    .name = "dialback",
    .advertise = advertise,
    .elements = elements,
};
