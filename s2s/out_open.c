/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Opening a stream to another server: features, TLS, and what its certificate says.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/tls/verify.h"
#include "common/xmpp/namespaces.h"
#include "s2s/bidi.h"
#include "s2s/dialback.h"
#include "s2s/out.h"

/* --- TLS --- */

static void ask_for_tls(struct out *out)
{
    static const char starttls[] = "<starttls xmlns='" NS_TLS "'/>";
    out->tls_asked = true;
    trace_say(out->remote->trace, "tls", "asking for it (STARTTLS)");
    stream_send_bytes(out->stream, starttls, sizeof(starttls) - 1);
}

static void on_proceed(void *user, struct element *element)
{
    struct out *out = user;
    (void)element;
    if (!out->tls_asked) {
        stream_fail(out->stream, STREAM_POLICY_VIOLATION, NULL);
        return;
    }
    /* Whatever stands behind it in clear is not from the server (CVE-2011-0411). */
    if (stream_is_clean(out->stream))
        conn_start_tls(out->conn, policy_client_tls(out->policy, out->local, false),
                       out->remote->domain);
}

static void on_tls_failure(void *user, struct element *element)
{
    (void)element;
    out_fail(user, "the server cannot begin TLS now");
}

static const struct stream_element tls_elements[] = {
    {NS_TLS, "proceed", on_proceed},
    {NS_TLS, "failure", on_tls_failure},
    {0},
};

const struct stream_feature out_starttls = {
    .name = "starttls",
    .excludes = STREAM_SECURE,
    .elements = tls_elements,
};

/* DANE decides where there is any (RFC 7672 §2.2 for the same question in mail). */
static bool accept_certificate(struct out *out, const char **problem)
{
    const struct target *target = out->target;
    const char *domain = out->remote->domain;
    const struct tls_session *tls = conn_tls(out->conn);
    int error = target->dane_count > 0 ? tls_verify_dane(tls, target->dane, target->dane_count,
                                                         domain, target->srv.target, problem)
                                       : tls_verify_domain(tls, domain, problem);
    out->certified = error == 0;
    bool accepted = out->certified ||
                    (target->dane_count == 0 && !policy_requires_certificate(out->policy, domain));
    out_trace_certificate(out, accepted, error ? *problem : NULL);
    return accepted;
}

void out_secured(struct out *out)
{
    const char *problem = NULL;
    if (out->ended)
        return;
    if (!accept_certificate(out, &problem)) {
        log_warn("s2s_certificate_refused", LOG_TEXT("remote", out->remote->domain),
                 LOG_TEXT("addr", conn_peer_address(out->conn)), LOG_TEXT("reason", problem));
        out_fail(out, problem);
        return;
    }
    stream_set_flag(out->stream, STREAM_SECURE);
    if (out->direct_tls)
        stream_open(out->stream, out->remote->domain, out->local);
    else
        stream_restart(out->stream);
}

/* --- features --- */

static bool offers_external(const struct element *features)
{
    const struct element *mechanisms = element_find(features, NS_SASL, "mechanisms");
    if (!mechanisms)
        return false;
    ELEMENT_FOREACH (mechanism, mechanisms) {
        if (strcmp(element_text(mechanism), "EXTERNAL") == 0)
            return true;
    }
    return false;
}

static void read_features(struct out *out, const struct element *features)
{
    const struct element *dialback = element_find(features, NS_DIALBACK_FEATURES, "dialback");
    out->external = offers_external(features);
    if (dialback)
        out->dialback = element_find(dialback, NULL, "errors");
    out->sm_offered = element_find(features, NS_SM, "sm");
}

static void opened(struct out *out)
{
    out->open = true;
    free(out->target);
    out->target = NULL;
    timer_stop(out->deadline);
    stream_set_limits(out->stream, &out->server->limits.after_auth);
    remote_attempt_open(out->remote);
}

void out_features(void *user, struct element *features)
{
    struct out *out = user;
    if (out->ended)
        return;
    /* Behind <starttls/> there is <proceed/> or <failure/>, nothing else. */
    if (out->tls_asked && !stream_has_flag(out->stream, STREAM_SECURE)) {
        stream_fail(out->stream, STREAM_POLICY_VIOLATION, NULL);
        return;
    }
    out_trace_features(out, features);
    if (!stream_has_flag(out->stream, STREAM_SECURE)) {
        if (element_find(features, NS_TLS, "starttls")) {
            ask_for_tls(out);
            return;
        }
        if (policy_requires_tls(out->policy, out->remote->domain)) {
            out_fail(out, "the server offers no TLS");
            return;
        }
    }
    read_features(out, features);
    bidi_ask(out, features);
    if (!out->open)
        opened(out);
    out_go_on(out);
}
