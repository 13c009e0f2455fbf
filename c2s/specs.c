/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What c2s implements without its plugin, and all that clients use of the common folders.
 */
#include "common/service/spec.h"

const struct spec c2s_specs[] = {
    {"RFC 4616", NULL, "SASL PLAIN"},
    {"RFC 5802", NULL, "SASL SCRAM-SHA-1 and SCRAM-SHA-1-PLUS"},
    {"RFC 5929", NULL, "tls-server-end-point"},
    {"RFC 6120", NULL, NULL},
    {"RFC 6121", NULL, NULL},
    {"RFC 6122", NULL, "with IDNA2008; unassigned code points are allowed"},
    {"RFC 7395", NULL, NULL},
    {"RFC 7590", NULL, NULL},
    {"RFC 7677", NULL, "SASL SCRAM-SHA-256 and its -PLUS; SHA-512 in the same way"},
    {"RFC 9266", NULL, NULL},
    {"XEP-0082", "1.1.1", NULL},
    {"XEP-0124", "1.11.2", "one stream in a session, no acknowledgements"},
    {"XEP-0156", "1.4.0", "host-meta, where there are listeners of the web"},
    {"XEP-0178", "1.2", NULL},
    {"XEP-0205", "1.0.2", NULL},
    {"XEP-0206", "1.4", NULL},
    {"XEP-0227", "1.1", "by kontalkctl: accounts with all they have"},
    {"XEP-0368", "1.1.0", NULL},
    {"XEP-0388", "1.0.4", "no tasks are asked for"},
    {"XEP-0440", "1.0.0", NULL},
    {"XEP-0445", "0.2.0", "for an account, or a new password"},
    {"XEP-0474", "0.5.0", NULL},
    {"XEP-0478", "0.2.0", NULL},
    {"XEP-0484", "0.2.0", "HT-SHA-256 and HT-SHA-512 with EXPR, ENDP, NONE; no early data of TLS"},
    {0},
};
