/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Ids that others see of what has an owner and a number: the pair, encrypted in one block. An id is
 * stable, tells nothing (not even which of two came first), and one that was made up, or is another
 * owner's, is recognised. For the ids of archives (XEP-0313, XEP-0359).
 */
#pragma once

#include <stdint.h>

#include "common/base/macros.h"
#include "common/tls/crypto.h"

#define SEALED_ID_SIZE (2 * CRYPTO_BLOCK_SIZE + 1)

void sealed_id_encode(struct crypto_block *cipher, int64_t owner, int64_t number,
                      char text[SEALED_ID_SIZE]);
/* ERR_MALFORMED: it is no id of this owner's. */
MUST_CHECK int sealed_id_decode(struct crypto_block *cipher, int64_t owner, const char *text,
                                int64_t *number);
