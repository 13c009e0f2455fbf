/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a stream says to who follows it.
 */
#include <string.h>

#include "common/tls/verify.h"
#include "common/xmpp/namespaces.h"
#include "s2s/out.h"

static void say_certificate(struct trace *trace, const struct tls_session *tls)
{
    struct tls_description shown;
    if (tls_describe_peer(tls, &shown))
        return;
    trace_say(trace, "certificate", "subject %s", shown.subject);
    trace_say(trace, "certificate", "issuer %s", shown.issuer);
    trace_say(trace, "certificate", "valid from %s until %s", shown.begins, shown.ends);
    trace_say(trace, "certificate", "names %s", shown.names[0] ? shown.names : "none");
    tls_description_fini(&shown);
}

void out_trace_certificate(const struct out *out, bool accepted, const char *problem)
{
    struct trace *trace = out->remote->trace;
    const struct tls_session *tls = conn_tls(out->conn);
    if (!trace)
        return;
    trace_say(trace, "tls", "%s, %s", tls_version(tls), tls_cipher(tls));
    say_certificate(trace, tls);
    if (!problem)
        trace_say(trace, "certificate", "accepted by %s",
                  out->target->dane_count > 0 ? "DANE" : "the trusted authorities");
    else
        trace_say(trace, "certificate", "%s: %s",
                  accepted ? "no proof, but none is required" : "refused", problem);
}

static void add_mechanisms(struct buffer *text, const struct element *mechanisms)
{
    ELEMENT_FOREACH (mechanism, mechanisms) {
        buffer_printf(text, " %s", element_text(mechanism));
    }
}

void out_trace_features(const struct out *out, const struct element *features)
{
    struct buffer text = {0};
    if (!out->remote->trace)
        return;
    ELEMENT_FOREACH (feature, features) {
        buffer_printf(&text, "%s%s", text.length > 0 ? ", " : "", feature->name);
        if (strcmp(feature->name, "mechanisms") == 0)
            add_mechanisms(&text, feature);
    }
    trace_say(out->remote->trace, "features", "%s", text.length > 0 ? text.data : "none");
    buffer_fini(&text);
}
