/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The client's side of SCRAM-SHA-256, by GNU SASL. What the password becomes by thousands of rounds
 * is remembered as long as salt and password stay the same.
 */
#pragma once

#include <stddef.h>

#include "common/base/macros.h"

struct scram;

struct scram *scram_new(const char *user, const char *password);
/* NULL is allowed. */
void scram_free(struct scram *scram);
/* Both in base64, `challenge` NULL at first; free(*answer). ERR_DENIED: the server is wrong. */
MUST_CHECK int scram_step(struct scram *scram, const char *challenge, char **answer);
