/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The counters of stream management (XEP-0198 §4), the same towards clients and servers: they run
 * through 32 bits and begin again at 0. No I/O.
 */
#pragma once

#include <stdint.h>

#include "common/base/macros.h"
#include "common/xmpp/element.h"

#define NS_SM "urn:xmpp:sm:3"

/* The attribute h, an xs:unsignedInt: digits, with blanks around them at most. ERR_MALFORMED:
 * missing, no number, or 2^32 and more. */
MUST_CHECK int ack_read_h(const struct element *element, uint32_t *h);
/* How many more than `acknowledged` the peer has handled now, of `unacked` that it was sent since.
 * ERR_LIMIT: it claims more than that (or fewer than before, which cannot be told apart). */
MUST_CHECK int ack_progress(uint32_t h, uint32_t acknowledged, size_t unacked, uint32_t *count);
