/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Administration in band (XEP-0133, docs/rules/admin.md).
 *
 * admin.c          the table of commands
 * admin_accounts.c commands about accounts, one or several
 * admin_lists.c    numbers and lists of users, announcements
 * admin_notices.c  what the server says by itself
 * admin_call.c     questions to whoever serves an account, and to all workers of this node
 * admin_serve.c    their answers
 *
 * An account is changed by the worker that serves it, by the same function that kontalkctl uses
 * (c2s/account_work.h). What is asked of it goes to the account's address, from the address of the
 * worker that asks, `alpha.example.net/c2s-1`, which nobody outside this node can be.
 */
#pragma once

#include "c2s/accounts.h"
#include "c2s/sm/commands.h"

#define NS_ADMIN "urn:kontalk:admin:1"
/* The longest list. */
#define ADMIN_LIST_MAX 1000

extern const struct sm_module admin_module;
extern const char admin_form[]; /* FORM_TYPE of all forms */

/* admin_accounts.c */
void admin_add_user(struct command_run *run);
void admin_change_password(struct command_run *run);
void admin_delete_users(struct command_run *run);
void admin_disable_users(struct command_run *run);
void admin_enable_users(struct command_run *run);
void admin_end_sessions(struct command_run *run);
void admin_get_rosters(struct command_run *run);
void admin_get_last_logins(struct command_run *run);
void admin_get_statistics(struct command_run *run);

/* admin_lists.c */
void admin_count_registered(struct command_run *run);
void admin_count_disabled(struct command_run *run);
void admin_count_online(struct command_run *run);
void admin_count_active(struct command_run *run);
void admin_count_idle(struct command_run *run);
void admin_list_registered(struct command_run *run);
void admin_list_disabled(struct command_run *run);
void admin_list_online(struct command_run *run);
void admin_list_active(struct command_run *run);
void admin_list_idle(struct command_run *run);
void admin_announce(struct command_run *run);
/* All workers read the notices again; ends the run. */
void admin_renew_notices(struct command_run *run);

/* admin_notices.c */
void admin_set_motd(struct command_run *run);
void admin_show_motd(struct command_run *run);
void admin_edit_motd(struct command_run *run);
void admin_delete_motd(struct command_run *run);
void admin_show_welcome(struct command_run *run);
void admin_set_welcome(struct command_run *run);
void admin_delete_welcome(struct command_run *run);

/* admin_roles.c */
void admin_show_admins(struct command_run *run);
void admin_set_admins(struct command_run *run);

/* --- admin_call.c --- */

/* answer: the element that was answered; NULL: there is none, because of `problem`. Exactly once,
 * perhaps inside the call. */
typedef void admin_answered(struct sm *sm, const struct element *answer, const char *problem,
                            void *user);
/* A question to be filled in: <account/> or <worker/> in NS_ADMIN, with what to do. */
struct element *admin_call_begin(const char *name, const char *what);
/* Consumes what was begun. `account`: bare; asked at this node, whoever serves it. */
void admin_call_account(struct sm *sm, struct element *question, const struct jid *account,
                        admin_answered *answered, void *user);
/* To one worker of this node. */
void admin_call_worker(struct sm *sm, struct element *question, const char *worker,
                       admin_answered *answered, void *user);
/* account_work() by whoever serves the account (struct c2s_plugin); ACCOUNT_ADD, ACCOUNT_PASSWORD.
 */
void admin_work(struct sm *sm, enum account_change change, const struct jid *account,
                const char *password, void (*done)(void *user, const char *problem), void *user);
bool admin_call_reply(struct sm *sm, const struct stanza *stanza);
void admin_calls_start(struct sm *sm);
void admin_calls_stop(struct sm *sm);

/* admin_serve.c. Whether it comes from a worker of this node. */
bool admin_is_ours(const struct sm *sm, const struct stanza *stanza);
extern const struct sm_iq admin_iqs[];
