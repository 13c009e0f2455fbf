/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The certificate of the side that speaks HTTPS. It is served by libmicrohttpd, which takes what it
 * is given; so it is verified before.
 */
#pragma once

#include "common/config/config.h"
#include "common/tls/tls.h"

struct certificate {
    char *chain, *key;           /* PEM */
    struct tls_context *context; /* of the same, for what is told of it */
};

/* What the configuration names, if it is valid now and the key fits; else it says why in the log.
 * certificate_fini() in both cases. */
MUST_CHECK int certificate_read(const struct config *config, struct certificate *certificate);
void certificate_fini(struct certificate *certificate);
