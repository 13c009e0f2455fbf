/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The domains a worker serves, with their certificates and mechanisms: one immutable set, made from
 * the configuration. A reload makes a new set; a client keeps a count on the one it began with.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macros.h"
#include "common/config/config.h"
#include "common/tls/tls.h"

struct domain {
    char *name;
    unsigned mechanisms; /* bits 1 << enum sasl_mechanism */
    unsigned tokens;     /* the same, of tokens (XEP-0484) */
    bool channel_binding;
    bool plain_in_network;             /* PLAIN is offered although the network has other members */
    bool invitations;                  /* who has one gets an account in band (XEP-0445) */
    char *invite_page;                 /* what shows a link (XEP-0379 §3.3); NULL: none is known */
    struct tls_authorities *client_ca; /* of its clients' certificates; NULL: none are asked for */
};

struct domains {
    unsigned references;
    struct domain *list;
    size_t count;
    struct tls_context *starttls;
    struct tls_context *direct; /* the same certificates, with ALPN (XEP-0368) */
    struct tls_context *https;  /* the same for browsers, which are not asked for certificates */
    char *decoy_secret;         /* for unknown users; the same on every worker of the node */
    size_t decoy_secret_length;
};

/* Logs what is wrong. ERR_INVALID. */
MUST_CHECK int domains_load(const struct config *config, struct domains **domains);
struct domains *domains_ref(struct domains *domains);
void domains_unref(struct domains *domains);
/* NULL: not served here. `name` is prepared. */
const struct domain *domains_find(const struct domains *domains, const char *name);
