/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Presence between homes as state (docs/NETWORK.md): what was lost on a link is said again when it
 * is up again, and nothing else is.
 *
 * A *version* of an account is a hash over its available sessions with their presence, so it is the
 * same after a restart. It goes with what is said to all contacts at a node; the receiver keeps it,
 * with the resources it has seen. When the node of the sender is reachable again it is told what
 * has been seen of its accounts, and where that is not how they are, it shows them anew. What the
 * sender itself knows to be lost it says again without being asked. Of a node that is not reachable
 * for [sm] presence-timeout all accounts are unavailable.
 */
#pragma once

#include "c2s/sm/sm.h"

/* --- far_out.c: what our accounts have said --- */

/* Of the account as it is now. */
uint64_t far_version(const struct account *account);
/* Presence that says all (stanza->says_all) goes to that node, or was lost on its way. */
void far_said(struct sm *sm, const struct stanza *presence, const char *host);
void far_lost(struct sm *sm, const struct stanza *presence, const char *host);
/* What that node has seen of one of our accounts (an element that far_in.c of the other side has
 * written): if it is not how the account is, it is shown there anew. */
void far_compare(struct sm *sm, const struct element *seen, const char *host);
/* all: it may have missed everything. */
void far_out_reachable(struct sm *sm, const char *host, bool reachable, bool all);

/* --- far_in.c: what has been seen here --- */

/* Presence has come from that node, with all its sender says (version) or not (0). */
void far_saw(struct sm *sm, const struct stanza *presence, const char *host, uint64_t version);
void far_node_reachable(struct sm *sm, const char *host, bool reachable);

/* --- for both --- */

/* Many accounts have something to do with a node: one after the other, a few at a time, so that
 * nothing else waits for it. jid NULL: when all before it are done. */
void far_errand(struct sm *sm, const struct jid *jid, const char *host,
                void (*run)(struct sm *sm, const struct jid *jid, const char *host));

extern const struct sm_module far_out_module, far_in_module;
