/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Addresses of node messages, rewritten at the edge of a node.
 */
#include "net/address.h"

#include <string.h>

static struct jid with_domain(struct arena *arena, const struct jid *jid, const char *domain)
{
    struct jid changed;
    return jid_make(arena, jid->local, domain, jid->resource, &changed) == 0 ? changed : *jid;
}

struct jid address_outward(struct arena *arena, const struct jid *jid, const char *host,
                           const char *domain)
{
    return jid->domain && strcmp(jid->domain, domain) == 0 ? with_domain(arena, jid, host) : *jid;
}

struct jid address_inward(struct arena *arena, const struct jid *jid, const char *host,
                          const char *domain)
{
    bool account = jid->local && strcmp(jid->domain, host) == 0;
    return account ? with_domain(arena, jid, domain) : *jid;
}
