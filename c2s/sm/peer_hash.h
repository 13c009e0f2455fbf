/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The SHA-256 of bare JIDs, as keys of the tables have it (docs/SCHEMA.md). Those who write to each
 * other do so again, so the latest are remembered.
 */
#pragma once

#include "c2s/sm/sm.h"

#define PEER_HASH_SIZE 32

/* Valid until the next call. */
const uint8_t *peer_hash(struct sm *sm, const char *bare);
