/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * TLS on streams from other servers (RFC 6120 §5, XEP-0368).
 */
#include "common/xmpp/namespaces.h"
#include "s2s/in.h"

static void advertise(void *user, struct element *features)
{
    struct in *in = user;
    struct element *starttls = element_add(features, NS_TLS, "starttls");
    const char *who = in->from ? in->from : "";
    if (policy_requires_tls(in->policy, who))
        element_add(starttls, NS_TLS, "required");
}

void in_begin_tls(struct in *in)
{
    conn_start_tls(in->conn, policy_server_tls(in->policy, in->direct_tls), NULL);
}

static void on_starttls(void *user, struct element *element)
{
    struct in *in = user;
    static const char proceed[] = "<proceed xmlns='" NS_TLS "'/>";
    (void)element;
    /* Bytes behind <starttls/> would be obeyed inside TLS (CVE-2011-0411). */
    if (!stream_is_clean(in->stream))
        return;
    in_forget_questions(in);
    stream_send_bytes(in->stream, proceed, sizeof(proceed) - 1);
    stream_restart(in->stream);
    in_begin_tls(in);
}

static const struct stream_element elements[] = {
    {NS_TLS, "starttls", on_starttls},
    {0},
};

const struct stream_feature in_starttls = {
    .name = "starttls",
    .excludes = STREAM_SECURE | STREAM_AUTHENTICATED,
    .advertise = advertise,
    .elements = elements,
};
