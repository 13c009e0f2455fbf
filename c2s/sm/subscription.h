/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence subscriptions (RFC 6121 §3, docs/rules/subscription.md).
 */
#pragma once

#include "c2s/sm/roster.h"
#include "c2s/sm/sm.h"

extern const struct sm_module subscription_module;

/* Ends both directions with the removal of a roster item (§2.5.2): submits the change and tells the
 * contact. after() as in roster_change_submit(). ERR_LIMIT: too much waits to be told already, and
 * nothing has changed; the change is the caller's still. */
MUST_CHECK int subscription_remove(struct roster_change *change, roster_done *after, void *user);

/* Asks whoever has invited the account (account->invitation) to be a contact, and forgets that. The
 * account is held. */
void subscription_ask_inviter(struct account *account, const struct jid *inviter);

/* What is kept of a request (free with free()); shown to each session that becomes available. */
char *subscription_pending_text(const struct stanza *request);
void subscription_show_pending(struct session *session, bool initial);
