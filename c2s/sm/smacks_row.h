/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The row of a session in the table `session` (docs/SCHEMA.md): what is needed to resume it after
 * its worker has died, and to tell its contacts when its time is over.
 */
#pragma once

#include "c2s/sm/smacks.h"

/* Writes the row of a resumable session; the account is held. */
void smacks_row_insert(struct session *session, sm_done *done, void *user);
/* Writes h if it has risen; smacks_wake() follows. */
void smacks_row_store_h(struct session *session);
/* Adds to the unit that settles the stanza of this ticket what h is then, if that is known already:
 * one statement, or none. Units of one lane (above 0) are answered in the order in which they are
 * submitted; if an earlier one fails by itself the row keeps its h. Once the unit is committed
 * smacks_row_has_h() follows, with the result of the statement. */
bool smacks_row_add_h(struct sm_unit *unit, struct session *session, struct settle_ticket *ticket,
                      unsigned lane);
void smacks_row_has_h(struct session *session, const struct settle_ticket *ticket,
                      const struct db_result *result);
/* Something that the row tells has changed: it is written soon, with everything. */
void smacks_row_touch(struct session *session);
/* The same now, with expires_us; the account is held. done may be NULL. */
void smacks_row_save(struct session *session, sm_done *done, void *user);
/* Others are about to see something that the row tells: they may once it has it, or they would see
 * it twice, or never hear of the end of it, if the worker died now (docs/rules/smacks.md, A3b).
 * done() is called then, or if it cannot be written now; at once if the session has no row. Inside
 * a job. */
void smacks_row_first(struct session *session, sm_done *done, void *user);
/* The same, behind: nobody waits. */
void smacks_row_write(struct session *session);
/* The session has ended in order, or by conflict and the like; or its time is over: then the row
 * stays a while to tell h. */
void smacks_row_delete(struct session *session);
/* The same before others hear of the end, as smacks_row_first(). */
void smacks_row_delete_first(struct session *session, sm_done *done, void *user);
void smacks_row_expire(struct session *session);
/* What the row knows of an SM-ID. */
void smacks_row_hash(const char *sm_id, uint8_t hash[SMACKS_HASH_SIZE]);
/* Whether there is such a row: one row, and its column is h. */
void smacks_row_find_past(struct account *account, const char *sm_id, sm_done *done, void *user);
/* It is not written any more. */
void smacks_row_forget(struct smacks *smacks);

void smacks_rows_start(struct sm *sm);
void smacks_rows_stop(struct sm *sm);
/* smacks_wake.c */
void smacks_wake_start(struct sm *sm);
void smacks_wake_stop(struct sm *sm);
/* Slots were won: accounts with sessions that wait are loaded. */
void smacks_slots_changed(struct sm *sm);

/* Sessions that were resumable when their worker died, or was stopped: they wait again. */
extern const struct db_statement smacks_rows_load;
void smacks_rows_loaded(struct account *account, const struct db_result *rows);
