/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Links with addresses (RFC 5122, XEP-0147).
 */
#pragma once

/* xmpp:ADDRESS?QUERY. The query is what is written in links already. Free with free(). */
char *uri_of_address(const char *address, const char *query);
