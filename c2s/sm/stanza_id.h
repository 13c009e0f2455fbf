/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Stanza ids (XEP-0359), which are also the ids of the archive (XEP-0313): a message of an account
 * is (owner, seq) in the database, and what clients see of it is that pair, encrypted with a key of
 * the home. An id stays the same for ever, tells nothing (not even which of two came first), and an
 * id that was made up, or is another account's, is recognised.
 */
#pragma once

#include "c2s/sm/sm.h"
#include "common/tls/sealed_id.h"

#define NS_SID "urn:xmpp:sid:0"

#define STANZA_ID_SIZE SEALED_ID_SIZE

void stanza_id_encode(struct sm *sm, int64_t owner, int64_t seq, char text[STANZA_ID_SIZE]);
/* ERR_MALFORMED: it is no id of this owner's. There may be no such message all the same. */
MUST_CHECK int stanza_id_decode(struct sm *sm, int64_t owner, const char *text, int64_t *seq);
/* Appends the account's <stanza-id/> to a message: its element, which may be changed. */
void stanza_id_add(const struct account *account, struct element *message, int64_t seq);

extern const struct sm_module stanza_id_module;
