/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The clients that have access to an account, by the id of their user agent (XEP-0388), and their
 * tokens (XEP-0484): noted when they log in; listed and revoked by the user (XEP-0494).
 */
#pragma once

#include "c2s/sm/sm.h"

/* Inside a job: notes the client of a login, uses up the token that it has proven and makes the one
 * it shall get, which is added to the results of the request (begin.h). done later: condition -1,
 * or why the login fails (enum sasl_condition). The account is held until then. */
void clients_note(struct session *request, void (*done)(struct session *request, int condition));
