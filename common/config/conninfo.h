/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Passwords in connection strings of PostgreSQL: they would show up wherever the configuration
 * does.
 */
#pragma once

#include <stdbool.h>

/* "password=…" or "sslpassword=…" among the words, or in a URI postgresql://user:password@host. */
bool config_conninfo_has_password(const char *conninfo);
