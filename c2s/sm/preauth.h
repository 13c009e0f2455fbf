/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Pre-Authenticated Roster Subscription (XEP-0379; P1 to P6 of docs/rules/subscription.md): what is
 * known of the token in a request. Tokens are invitations (c2s/invitations.h) of the account.
 */
#pragma once

#include "c2s/sm/sm.h"

/* Of a subscription request; NULL: it has none. */
const char *preauth_token(const struct stanza *request);
void preauth_add(struct stanza *request, const char *token);
/* Whether the account has invited this contact, who shows the token: one row, the id, or none. The
 * account is held until `checked` has returned. */
void preauth_check(struct account *account, const char *token, const struct jid *contact,
                   sm_done *checked, void *user);
/* From then on it is good for this contact only, until `expires`: for a request that is repeated.
 */
void preauth_use(struct sm_unit *unit, const char *id, const struct jid *contact);

/* invited.c: what makes a new account a contact of who has invited it. */
extern const struct sm_module invited_module;
/* It has been done, or cannot be. */
void invited_forget(struct sm_unit *unit, const struct account *account);
