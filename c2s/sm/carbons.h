/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Message Carbons (XEP-0280): what a user says and hears on one device is copied to the others that
 * have asked for it. docs/rules/messages.md says which messages.
 */
#pragma once

#include "c2s/sm/sm.h"

/* A message of the session's client is on its way (or stored). seq: its number in the account's
 * archive, 0 if it is not stored. Borrowed. */
void carbons_sent(struct session *session, struct stanza *message, int64_t seq);
/* A message has been delivered to those sessions of which has_it() is true (or to nobody: it
 * waits). It has the account's stanza-id, if it is stored. Borrowed. */
void carbons_received(struct account *account, struct stanza *message,
                      bool (*has_it)(const struct session *session, const struct stanza *message));

extern const struct sm_module carbons_module;
