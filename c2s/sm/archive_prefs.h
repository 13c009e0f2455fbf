/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * What a user wants to have in its archive (XEP-0441).
 */
#pragma once

#include "c2s/sm/sm.h"

/* Whether messages to or from this address go into the archive of the account. */
bool archive_wants(const struct account *account, const struct jid *peer);

extern const struct sm_module archive_prefs_module;
