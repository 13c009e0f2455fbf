/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Networks of addresses from a list in the configuration.
 */
#pragma once

#include <stdbool.h>

#include "common/config/config.h"

struct networks;

/* The list [c2s] `key`. */
struct networks *networks_read(const struct config *config, const char *key);
void networks_free(struct networks *networks);
/* Whether an address, as conn_peer_address() has it, is in one of them. */
bool networks_hold(const struct networks *networks, const char *address);
/* An address as 16 bytes; IPv4 is mapped into IPv6 (RFC 4291 §2.5.5.2). False: it is none. */
bool networks_parse_address(const char *text, unsigned char address[16]);
