/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Entity Capabilities (XEP-0115): a hash of what disco#info says.
 */
#pragma once

#include <stdbool.h>

#include "c2s/sm/sm.h"
#include "common/tls/crypto.h"

extern const struct sm_module caps_module;

/* The verification string (XEP-0115 §5.1) of a disco#info <query/>, SHA-1 in base64. Free it. */
char *caps_hash(const struct element *query);
/* The same with another hash. */
char *caps_hash_with(const struct element *query, enum crypto_hash algorithm);
/* Whether this is "node#ver" of the server as it is now. */
bool caps_is_server_node(struct sm *sm, const char *node);
