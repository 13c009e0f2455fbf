/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Retraction (XEP-0424): a message that takes back an earlier one of the same author in the same
 * conversation is stored like any other, and in the same transaction a tombstone takes the place of
 * what the earlier one said, in every archive in which the retraction is stored
 * (docs/rules/messages.md, C16 and following).
 */
#pragma once

#include "c2s/sm/sm.h"

/* The row of a retraction that is being stored. */
struct retraction {
    int64_t owner, seq;
    const struct jid *peer; /* the other side */
    bool outgoing, archived;
    const char *now;
};

/* Whether the message can be retracted by its id; then what the row has of that (`id_hash`). */
bool retraction_hash_of(const struct stanza *message, int64_t *hash);
/* If the message retracts another one adds that to the unit, which stores it. */
void retraction_add(struct sm_unit *unit, struct sm *sm, const struct stanza *message,
                    const struct retraction *row);

extern const struct sm_module retraction_module;
