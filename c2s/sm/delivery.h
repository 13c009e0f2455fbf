/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Where a stanza goes that has arrived for an account: RFC 6121 §8.5, docs/rules/delivery.md.
 */
#pragma once

#include "c2s/sm/sm.h"
#include "c2s/sm/store.h"

/* What the account can offer a stanza, by the form of its address. */
enum delivery_case {
    DELIVERY_NO_ACCOUNT,  /* §8.5.1 */
    DELIVERY_BARE,        /* §8.5.2.1: a resource with priority 0 or more is available */
    DELIVERY_BARE_NOBODY, /* §8.5.2.2: none is */
    DELIVERY_FULL,        /* §8.5.3.1: the resource is connected */
    DELIVERY_FULL_GONE,   /* §8.5.3.2: it is not, but others are available as above */
    DELIVERY_FULL_NOBODY, /* §8.5.3.2: it is not, and nobody is */
    DELIVERY_CASES
};

enum delivery_action {
    DELIVER_IGNORE,
    DELIVER_REFUSE,       /* service-unavailable to the sender */
    DELIVER_RESOURCE,     /* to the addressed resource */
    DELIVER_NON_NEGATIVE, /* to all available resources with priority 0 or more */
    DELIVER_AVAILABLE,    /* to all available resources */
    DELIVER_OFFLINE,      /* kept for later, as far as there is room */
    DELIVER_SERVE,        /* the server answers for the account */
    DELIVER_UNSUBSCRIBED  /* answered with presence of type unsubscribed */
};

/* The table. `trusted`: the account shows its presence to the sender (sm_shares_presence()). */
enum delivery_action delivery_rule(enum stanza_type type, enum delivery_case situation,
                                   bool trusted);

/* The job for a stanza that has arrived for an account. */
account_job delivery_job;
/* The same for a message that a client of this worker has sent and that is to be stored: post->run.
 */
void delivery_post(struct account *account, struct post *post);
/* It is stored: to whom it goes now. What nobody gets waits. */
void delivery_stored(struct account *account, struct post *post);
/* Whether messages to the account go to this session. */
bool delivery_takes_messages(const struct session *session);
