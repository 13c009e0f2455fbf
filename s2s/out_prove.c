/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Proving to another server who we are: SASL EXTERNAL (XEP-0178) for the domain of the stream,
 * dialback (XEP-0220) for it and for others. And asking it whether a key is its own.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/xmpp/namespaces.h"
#include "s2s/bidi.h"
#include "s2s/dialback.h"
#include "s2s/out.h"
#include "s2s/verify.h"

static struct pair *own_pair(const struct out *out)
{
    struct pair *pair;
    DL_FOREACH (out->remote->pairs, pair) {
        if (pair->out == out && strcmp(pair->local, out->local) == 0)
            return pair;
    }
    return NULL;
}

/* Some pair is not yet through. */
static bool is_proving(const struct out *out)
{
    const struct pair *pair;
    DL_FOREACH (out->remote->pairs, pair) {
        if (pair->out == out && pair->state == PAIR_PROVING)
            return true;
    }
    return false;
}

static void proven(struct out *out, struct pair *pair, const char *how)
{
    const struct tls_session *tls = conn_tls(out->conn);
    trace_say(out->remote->trace, "proof", "the server takes us for %s, by %s", pair->local, how);
    log_info("s2s_out_proven", LOG_TEXT("sid", stream_id(out->stream)),
             LOG_TEXT("local", pair->local), LOG_TEXT("remote", out->remote->domain),
             LOG_TEXT("addr", conn_peer_address(out->conn)), LOG_TEXT("by", how),
             LOG_TEXT("tls", tls ? tls_version(tls) : NULL),
             LOG_TEXT("cipher", tls ? tls_cipher(tls) : NULL));
    stream_set_flag(out->stream, STREAM_AUTHENTICATED);
    stream_ready(out->stream);
    if (strcmp(pair->local, out->local) == 0)
        bidi_share_out(out);
    out_sm_begin(out);
    if (!out->sm)
        remote_succeeded(out->remote);
    pair_enter(pair, PAIR_READY);
    if (!is_proving(out))
        timer_stop(out->deadline);
}

static void send_words(struct out *out, const struct dialback_words *words)
{
    struct buffer text = {0};
    dialback_write(&text, words);
    stream_send_bytes(out->stream, text.data, text.length);
    buffer_fini(&text);
}

/* --- SASL --- */

static void send_auth(struct out *out)
{
    struct buffer text = {0};
    buffer_append_text(&text, "<auth xmlns='" NS_SASL "' mechanism='EXTERNAL'>");
    base64_encode(&text, out->local, strlen(out->local));
    buffer_append_text(&text, "</auth>");
    out->auth_asked = true;
    trace_say(out->remote->trace, "proof", "SASL EXTERNAL as %s", out->local);
    stream_send_bytes(out->stream, text.data, text.length);
    buffer_fini(&text);
}

static void on_success(void *user, struct element *element)
{
    struct out *out = user;
    (void)element;
    if (!out->auth_asked) {
        stream_fail(out->stream, STREAM_POLICY_VIOLATION, NULL);
        return;
    }
    stream_set_flag(out->stream, STREAM_AUTHENTICATED);
    stream_restart(out->stream);
}

static void begin_dialback(struct out *out, struct pair *pair);

static void on_failure(void *user, struct element *element)
{
    struct out *out = user;
    struct pair *pair = own_pair(out);
    const struct element *reason = element_first(element);
    log_info("s2s_external_refused", LOG_TEXT("remote", out->remote->domain),
             LOG_TEXT("reason", reason ? reason->name : NULL));
    if (!pair || !out->auth_asked)
        return;
    trace_say(out->remote->trace, "proof", "the server refuses EXTERNAL: %s",
              reason ? reason->name : "no reason given");
    out->auth_asked = false;
    pair->no_external = true;
    begin_dialback(out, pair);
}

/* One is as much as EXTERNAL has (XEP-0178 §3, step 10). */
static void on_challenge(void *user, struct element *element)
{
    struct out *out = user;
    static const char empty[] = "<response xmlns='" NS_SASL "'/>";
    (void)element;
    if (!out->auth_asked || out->challenged) {
        stream_fail(out->stream, STREAM_POLICY_VIOLATION, NULL);
        return;
    }
    out->challenged = true;
    stream_send_bytes(out->stream, empty, sizeof(empty) - 1);
}

static const struct stream_element sasl_elements[] = {
    {NS_SASL, "success", on_success},
    {NS_SASL, "failure", on_failure},
    {NS_SASL, "challenge", on_challenge},
    {0},
};

const struct stream_feature out_sasl = {
    .name = "sasl",
    .requires = STREAM_SECURE,
    .excludes = STREAM_AUTHENTICATED,
    .elements = sasl_elements,
};

/* --- dialback: proving a pair --- */

static void begin_dialback(struct out *out, struct pair *pair)
{
    const char *id = stream_id(out->stream);
    if (!id) {
        out_fail(out, "the server gives its stream no id");
        return;
    }
    const struct network_key_subject subject = {out->remote->domain, pair->local, id};
    char *key = server_dialback_key(out->server, &subject);
    pair_enter(pair, PAIR_PROVING);
    free(pair->dialback_id);
    pair->dialback_id = xstrdup(id);
    timer_start(out->deadline, out->server->limits.negotiation_ms, 0);
    trace_say(out->remote->trace, "proof", "dialback: a key for %s is sent", pair->local);
    send_words(out,
               &(struct dialback_words){
                   .name = "result", .from = pair->local, .to = out->remote->domain, .key = key});
    free(key);
}

/* Our domain that the words are for; NULL: they are not from the peer's domain. */
static const char *domain_of(const struct out *out, const struct element *element)
{
    const char *from = element_get(element, "from");
    const char *to = element_get(element, "to");
    if (!from || !to || jid_prepare_domain(element->arena, from, &from) ||
        jid_prepare_domain(element->arena, to, &to) || strcmp(from, out->remote->domain) != 0)
        return NULL;
    return to;
}

static struct pair *pair_in_question(const struct out *out, const struct element *element)
{
    const char *local = domain_of(out, element);
    struct pair *pair = local ? pair_of(out->remote, local) : NULL;
    return pair && pair->out == out && pair->state == PAIR_PROVING ? pair : NULL;
}

static const char *error_of(const struct element *element)
{
    const struct element *error = element_find(element, NULL, "error");
    const struct element *condition = error ? element_find(error, NS_STANZA_ERRORS, NULL) : NULL;
    return condition ? condition->name : "no reason given";
}

/* A pair that shares the stream of another one is tried once more on a stream of its own, whatever
 * the reason was (XEP-0220 §2.5 asks for that where the peer lacks resources). */
static void refused(struct out *out, struct pair *pair, const char *why)
{
    if (strcmp(pair->local, out->local) != 0) {
        pair->alone = true;
        pair_detach(pair);
        remote_wake(out->remote);
        return;
    }
    char *problem = xasprintf("the server refuses %s: %s", pair->local, why);
    out_fail(out, problem);
    free(problem);
}

static void on_result(void *user, struct element *element)
{
    struct out *out = user;
    const char *type = element_get(element, "type");
    struct pair *pair = pair_in_question(out, element);
    if (!pair || !type)
        return;
    if (strcmp(type, "valid") == 0)
        proven(out, pair, "dialback");
    else
        refused(out, pair, strcmp(type, "error") == 0 ? error_of(element) : "invalid key");
}

/* --- dialback: asking about the keys of others --- */

void out_ask(struct out *out, const char *local, const char *id, const char *key)
{
    send_words(
        out, &(struct dialback_words){
                 .name = "verify", .from = local, .to = out->remote->domain, .id = id, .key = key});
}

static void on_verify(void *user, struct element *element)
{
    struct out *out = user;
    const char *local = domain_of(out, element);
    const char *id = element_get(element, "id");
    const char *type = element_get(element, "type");
    if (local && id && type && verify_answered(out->remote, out, local, id, type))
        remote_succeeded(out->remote);
}

static const struct stream_element dialback_elements[] = {
    {NS_DIALBACK, "result", on_result},
    {NS_DIALBACK, "verify", on_verify},
    {0},
};

const struct stream_feature out_dialback = {
    .name = "dialback",
    .elements = dialback_elements,
};

/* --- what is to be done --- */

bool out_may_carry(const struct out *out, const struct pair *pair)
{
    if (out->guest)
        return false; /* but its own pair, which is on it */
    if (out->ended || !out->open || stream_state(out->stream) >= STREAM_CLOSING)
        return false;
    return !pair || (out->dialback && !pair->alone) ||
           (!own_pair(out) && strcmp(pair->local, out->local) == 0);
}

void out_prove(struct out *out, struct pair *pair)
{
    bool own = strcmp(pair->local, out->local) == 0;
    bool secure = stream_has_flag(out->stream, STREAM_SECURE);
    if (!out_may_carry(out, NULL) || pair->state == PAIR_PROVING || pair->state == PAIR_READY)
        return;
    pair->out = out;
    if (own && out->external && secure && !out->auth_asked && !pair->no_external) {
        pair_enter(pair, PAIR_PROVING);
        timer_start(out->deadline, out->server->limits.negotiation_ms, 0);
        send_auth(out);
        return;
    }
    begin_dialback(out, pair);
}

void out_go_on(struct out *out)
{
    struct pair *pair = own_pair(out);
    if (stream_has_flag(out->stream, STREAM_AUTHENTICATED) && out->auth_asked) {
        if (pair && pair->state == PAIR_PROVING)
            proven(out, pair, "EXTERNAL");
        return;
    }
    verify_send_all(out->remote, out);
    if (pair && pair->waiting)
        out_prove(out, pair);
    remote_wake(out->remote);
}
