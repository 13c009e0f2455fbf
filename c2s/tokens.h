/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tokens of a device (XEP-0484), read for a login. Who writes them is the plugin of the
 * account, at its owner.
 */
#pragma once

#include <stdbool.h>

#include "common/db/db.h"
#include "common/sasl/token.h"
#include "common/xmpp/jid.h"

/* status: as db_callback. disabled: the account. What was found is valid during the call. */
typedef void tokens_fetched(void *user, int status, const struct sasl_token *tokens, size_t count,
                            bool disabled);
struct token_fetch;
struct token_fetch *tokens_fetch(struct db *db, const struct jid *account, const char *device,
                                 tokens_fetched *fetched, void *user);
/* The callback will not be called. NULL is allowed. */
void tokens_fetch_cancel(struct token_fetch *fetch);
