/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Spam reporting (XEP-0377): what somebody says about an address that he blocks goes to the log and
 * to the administrators of this home and to [sm] report-address, as messages from the server. What
 * the user does not allow to be handed on to others (§4) is not sent to other domains.
 */
#pragma once

#include "c2s/sm/sm.h"

/* The blocking request of an account has been carried out. */
void reports_take(const struct sm_request *request);

extern const struct sm_module reports_module;
