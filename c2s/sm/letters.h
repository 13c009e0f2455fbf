/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanzas that tell somebody of a change of an account: subscriptions. They are rows of the outbox
 * (outbox.h) in the very unit that makes the change, and leave once it is committed. So whoever has
 * to hear of it does, whatever dies, and in one order with messages.
 *
 *   letters_new(), letters_add() …; letters_fit() or nothing is done;
 *   letters_write() in the unit ─► commit ─► letters_send();  letters_free() in any case
 */
#pragma once

#include "c2s/sm/sm.h"

struct letters;

struct letters *letters_new(struct account *account);
/* NULL is allowed. */
void letters_free(struct letters *letters);

/* From the account, stamped. Keeps a reference; it must not be changed afterwards. */
void letters_add(struct letters *letters, struct stanza *stanza);
/* Presence with nothing in it. */
void letters_add_presence(struct letters *letters, enum stanza_type type, const struct jid *to);
/* NULL counts as empty here and below. */
bool letters_empty(const struct letters *letters);
/* Whether the outbox takes them. */
bool letters_fit(const struct letters *letters);

/* Before anything else is added to the unit, whose outcome has to become known then: it is repeated
 * (SM_WRITE as SM_APPEND), so it must not change anything the second time. */
void letters_write(struct letters *letters, struct sm_unit *unit);
/* The unit is committed. */
void letters_send(struct letters *letters);
