/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The DNS by libunbound, which is included here and nowhere else. It resolves in a thread of its
 * own; answers arrive on the loop.
 *
 * At the start it is probed whether DNSSEC can work: behind a forwarder that strips signatures
 * everything would look forged. If so validation is off (and with it DANE) and a warning says it.
 */
#pragma once

#include "common/config/config.h"
#include "common/io/loop.h"
#include "s2s/dns.h"

struct dns_settings {
    bool dnssec;
    const char *anchor_file;    /* root key */
    const char *const *servers; /* "192.0.2.53" or "192.0.2.53@5353", NULL-terminated; NULL: as
                                   /etc/resolv.conf says */
};

/* ERR_SYSTEM, logged. `ready` is called once when the probe has been done; questions may be asked
 * before, and wait for it. */
MUST_CHECK int dns_unbound_new(struct loop *loop, const struct dns_settings *settings,
                               struct dns **dns);
/* As [s2s] has it: its dns-server, dnssec and dnssec-anchor; without `validate` whether answers are
 * signed does not matter. */
MUST_CHECK int dns_unbound_configured(struct loop *loop, const struct config *config, bool validate,
                                      struct dns **dns);
/* Whether answers are validated. */
bool dns_unbound_validates(const struct dns *dns);
/* Open queries are forgotten. */
void dns_unbound_free(struct dns *dns);
