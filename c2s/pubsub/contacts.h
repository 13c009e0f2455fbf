/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Who is there and wants what, without a subscription (XEP-0060 §9.1, XEP-0163 §4): the resources
 * of contacts that have sent presence to the account, and the account's own sessions. Only of
 * contacts that the account shows its presence to, and only while it is in memory. A resource that
 * has just come gets the last items of what it wants.
 */
#pragma once

#include "c2s/pubsub/features.h"
#include "c2s/sm/sm.h"

struct contact {
    struct jid *jid; /* full */
    struct features *features;
    UT_hash_handle hh; /* contacts->all */
};

#define CONTACTS(one, account) for ((one) = (account)->contacts; (one); (one) = (one)->hh.next)

bool contact_wants(const struct contact *contact, const char *node);
/* By the presence that it has sent last. */
bool contacts_session_wants(struct session *session, const char *node);

void contacts_start(struct sm *sm);
void contacts_stop(struct sm *sm);
void contacts_free(struct account *account);

/* Hooks of the module. */
void contacts_session_presence(struct session *session, bool initial);
void contacts_incoming(struct account *account, const struct stanza *presence);
