/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Whether texts are addresses of sockets or of networks.
 */
#pragma once

#include <stdbool.h>

/* "127.0.0.1:5222", "[::1]:5222", "unix:/path". NULL if it is one, else why not. */
const char *config_address_check(const char *text);
/* "127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32". */
bool config_is_network(const char *text);
