/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The resolver: what directory.h promises, for one directory.
 */
#pragma once

#include "c2s/directory/core.h"

bool resolver_look(struct directory *directory, const struct jid *jid,
                   struct directory_place *place);
struct directory_question *resolver_ask(struct directory *directory, const struct jid *jid,
                                        directory_found *done, void *user);
void resolver_cancel(struct directory_question *question);
void resolver_forget(struct directory *directory, const char *name);
/* What it is the name of, or belongs to. */
void resolver_forget_place(struct directory *directory, const struct jid *jid);
/* A grant that was checked has come. */
void resolver_learn(struct directory *directory, const struct grant *grant);
