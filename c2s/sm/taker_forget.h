/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Offers that were taken and will not come again (taker.h): their rows in the table `taken` are
 * deleted, those of an account together, a moment later.
 */
#pragma once

#include "c2s/sm/sm.h"

struct taker_forget;

struct taker_forget *taker_forget_new(struct sm *sm);
/* What was not written yet is left to retention. */
void taker_forget_free(struct taker_forget *forget);
void taker_forget_row(struct taker_forget *forget, const struct durable *words);
