/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What other features ask of presence (RFC 6121 §4, docs/rules/presence.md).
 */
#pragma once

#include "c2s/sm/sm.h"

extern const struct sm_module presence_module;

/* Sends the presence of every available resource to one address: after a subscription was
 * approved, a contact unblocked, a probe answered. */
void presence_show(struct account *account, const struct jid *to);
/* Sends unavailable presence of every available resource to one address. */
void presence_hide(struct account *account, const struct jid *to);
/* The session is not available any more: tells everybody who saw it, as `presence` says (the
 * client's stanza) or with an empty unavailable presence (NULL). */
void presence_end(struct session *session, struct stanza *presence);
