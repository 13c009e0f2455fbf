/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The names of our home's accounts: claimed at the registrar before an account is created, released
 * after it was deleted. What could not be said to the registrar at once is said later by the
 * keeper: accounts that were there before the node joined, deletions while the registrar was away,
 * and grants that another registrar has signed, which are renewed.
 */
#pragma once

#include "c2s/directory/core.h"
#include "c2s/directory/registrar.h"

struct claims *claims_new(struct directory *directory);
void claims_free(struct claims *claims);
/* There may be something to say now. */
void claims_kick(struct claims *claims);
/* In the order of their names: NAMING_TAKEN also stands for what was not answered. status:
 * ERR_UNAVAILABLE: the registrar is away, has another document, or gives nothing now. */
void claims_ask(struct directory *directory, const struct names *names, registrar_named *done,
                void *user);
/* Nothing is left to be said: for tests. */
bool claims_idle(const struct claims *claims);
