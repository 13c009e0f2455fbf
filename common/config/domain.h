/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Domain names as the configuration has them: what jid_prepare_domain() makes of them too, but this
 * layer lies below the addresses.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/macros.h"

/* IDNA2008 (RFC 5891) after the mapping of UTS 46, in the U-label form; `*prepared` is in `arena`.
 * ERR_MALFORMED. */
MUST_CHECK int config_domain_prepare(struct arena *arena, const char *text, const char **prepared);
