/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The session manager as a whole: what plugin.c hands on to it.
 */
#pragma once

#include "c2s/sm/sm.h"

struct sm *sm_start(struct worker *worker);
/* All accounts are let go; stopped(user) once the last unit of the database has ended. */
void sm_stop(struct sm *sm, void (*stopped)(void *user), void *user);
void sm_stop_if_done(struct sm *sm);
void sm_reload(struct sm *sm);

/* Accounts whose slot is not ours any more are dropped. */
void sm_slots_changed(struct sm *sm);
/* See c2s_plugin.account_changed. */
void sm_account_changed(struct sm *sm, const struct jid *jid, bool may_stay, struct client *keep);

/* control.c; ends with words NULL. */
extern const struct control_command sm_commands[];
extern const struct metric sm_metrics[];
