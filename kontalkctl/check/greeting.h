/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What answers at the other end of a wire: an XMPP stream (RFC 6120), or HTTP.
 */
#pragma once

#include "kontalkctl/check/check.h"
#include "kontalkctl/check/wire.h"

enum greeting {
    GREET_CLIENT,     /* STARTTLS */
    GREET_CLIENT_TLS, /* TLS at once (XEP-0368) */
    GREET_SERVER,
    GREET_SERVER_TLS,
    GREET_COMPONENT, /* XEP-0114: a stream header is all one gets without a secret */
    GREET_HTTP,
    GREET_HTTPS
};

/* The CAs that say who a server is: those of [s2s] ca-file, or NULL for the system's. */
const char *greeting_authorities(const struct check *check);
/* Opens a wire to the address and a stream for the domain, under TLS where there is any. NULL:
 * *problem says why not. Not for HTTP. */
struct wire *greeting_stream(const struct check *check, const struct address *address,
                             enum greeting greeting, const char *domain, const char **problem);

struct http_answer {
    int status;         /* 200 */
    bool trusted;       /* under TLS: the certificate is for the host, and one of ours to trust */
    struct buffer text; /* all of it, ended by NUL */
};
/* Opens a wire, with TLS for GREET_HTTPS and `host` as the name, sends the request and reads to the
 * end of the answer, or of its head if only_head. */
MUST_CHECK int greeting_http(const struct check *check, const struct address *address,
                             enum greeting greeting, const char *host, const char *request,
                             bool only_head, struct http_answer *answer, const char **problem);
